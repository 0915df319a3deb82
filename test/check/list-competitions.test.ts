import { describe, expect, it } from 'vitest';
import { blockOfDate, listCompetitions } from '../../src/check/index.ts';
import { loadConstants } from '../../src/constants.ts';

const { schedules, profiles, networks } = loadConstants();
const main = schedules.schedule!;
const anchor = networks.finney!.block_anchor;
const list = (
  asked: Partial<Parameters<typeof listCompetitions>[2]>,
  profile = null as (typeof profiles)['3.2'] | null,
) => listCompetitions(main, profile, { block: null, at: null, chain: null, ...asked }, anchor);

describe('competitions', () => {
  it('are those of a block, with what changes next', () => {
    const at = list({ block: 3_565_190 });
    expect(at).toMatchObject({
      block: 3_565_190,
      blockSource: 'flag',
      release: '4.0.1',
      fromBlock: 3_565_190,
      boundary: 'declared',
    });
    expect(at.competitions.map((c) => c.id)).toEqual([1, 0]);
    expect(at.next).toMatchObject({ fromBlock: 3_601_190, boundary: 'declared' });
    expect(at.next!.changed).toContain('competition 2 added');
  });

  it('come from the chain, from a date, or from the newest period', () => {
    expect(list({ chain: 5_000_000 })).toMatchObject({ block: 5_000_000, blockSource: 'chain' });
    expect(list({})).toMatchObject({ blockSource: 'schedule', next: null });
    expect(list({ at: anchor!.time })).toMatchObject({ block: anchor!.block, blockSource: 'date' });
    expect(list({ chain: 8_000_000 }, profiles['3.2']).competitions).toHaveLength(1);
  });

  it('are one alone when it is named, by id or name, and never another', () => {
    const named = (competition: string) => list({ block: 3_565_190, competition }).competitions;
    expect(named('0').map(({ id }) => id)).toEqual([0]);
    expect(() => named('7')).toThrow(expect.objectContaining({ code: 'competition.unknown' }));
  });

  it.each(['yesterday-ish', '1999-01-01'])('refuse the date %s', (text) => {
    expect(() => blockOfDate(text, anchor)).toThrow(
      expect.objectContaining({ code: 'competitions.date', exitCode: 2 }),
    );
    expect(() => blockOfDate('2025-01-01', null)).toThrow(/use --block/);
  });
});
