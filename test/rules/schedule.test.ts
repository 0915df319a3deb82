import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadConstants } from '../../src/constants.ts';
import * as rules from '../../src/rules/index.ts';

const { profiles, schedules, releases } = loadConstants();
const main = schedules.schedule!;
const [old, late] = [profiles['3.2'], profiles['6.0']];

describe('schedule', () => {
  it('has a period for every block, the same up to the next one', () => {
    fc.assert(
      fc.property(fc.nat(8_000_000), (block) => {
        const now = rules.periodAt(main, block);
        expect(now.from_block).toBeLessThanOrEqual(block);
        const next = rules.nextPeriod(main, block);
        if (next) {
          expect(next.from_block).toBeGreaterThan(block);
          expect(rules.periodAt(main, next.from_block - 1)).toBe(now);
        }
      }),
    );
  });

  it('gives a profile without competition ids the last rules that needed none', () => {
    for (const block of [3_545_067, 3_601_190, 5_200_000, 9_000_000]) {
      const [only, ...others] = rules.competitionsAt(main, block, old);
      expect(others).toEqual([]);
      expect(only).toMatchObject({ id: null, min_model_parameters: 0, max_model_parameters: 6_900_000_000 });
    }
    expect(rules.competitionsAt(main, 5_200_000, late).map((c) => c.id)).toEqual([6, 2, 4]);
    expect(rules.nextPeriod(main, 3_400_000, old)).toBeNull();
    expect(rules.newestPeriod(main, old).from_block).toBe(3_307_004);
    expect(rules.newestPeriod(main, late).from_block).toBe(5_186_698);
  });

  it('has a sandbox that both profiles can use', () => {
    for (const profile of [old, late])
      expect(rules.competitionsAt(schedules['schedule.sandbox']!, 123, profile)[0]).toMatchObject({
        id: 0,
        default_recipe: 'tiny',
      });
  });

  it.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('refuses block %d', (block) => {
    expect(() => rules.competitionsAt(main, block)).toThrow(
      expect.objectContaining({ code: 'schedule.block', exitCode: 2 }),
    );
  });

  it('keeps the history of all 44 releases with their commits', () => {
    expect(releases).toHaveLength(44);
    for (const release of releases) expect(release.commit).toMatch(/^[0-9a-f]{40}$/);
    for (const profile of [old, late])
      expect(releases.some((r) => r.release === profile.release && r.commit === profile.commit)).toBe(true);
    for (const period of main.periods) expect(releases.some((r) => r.commit === period.commit)).toBe(true);
  });
});

describe('chooseCompetition', () => {
  const open = rules.competitionsAt(main, 5_200_000, late);

  it('takes an id, a name, or the one that fits', () => {
    expect(rules.chooseCompetition(open, { id: '4' }).id).toBe(4);
    expect(rules.chooseCompetition(open, { id: 'b3_model' }).id).toBe(2);
    expect(rules.chooseCompetition(open, { parameters: 13_800_000_000 }).id).toBe(4);
    expect(rules.chooseCompetition(rules.competitionsAt(main, 3_000_000, old), { id: 7 }).id).toBeNull();
  });

  it('says what there is when it cannot tell', () => {
    expect(() => rules.chooseCompetition(open, { id: 77 })).toThrow(
      expect.objectContaining({ code: 'competition.unknown' }),
    );
    expect(() => rules.chooseCompetition(open, { parameters: 5 })).toThrow(/B14_MODEL \(4\)/);
  });
});
