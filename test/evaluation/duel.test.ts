import { describe, expect, it } from 'vitest';
import { loadConstants, profileNamed } from '../../src/constants.ts';
import { describeDuel, liveDuel, sequencesToScore } from '../../src/evaluation/duel.ts';
import { randomFrom } from '../../src/rules/index.ts';

const constants = loadConstants();
const random = randomFrom(11);
const king = { name: 'king', losses: Array.from({ length: 80 }, () => 3 + random()) };
const mine = (by: number, noise = 0.02) => ({
  name: 'mine',
  losses: king.losses.map((loss) => loss - by + (random() - 0.5) * noise),
});
const moment = { kingBlock: 0, block: 0 };
const judge = (name: string, by: number, noise?: number, at = moment) =>
  liveDuel(mine(by, noise), king, profileNamed(constants, name), at);

describe('the duel of a profile', () => {
  it('says publish, measure more, or train on', () => {
    const clear = judge('teutonic', 0.05);
    expect(clear).toMatchObject({
      advice: 'publish',
      pWin: 1,
      duel: { wins: true, subnetN: 10_000, more: 0 },
    });
    expect(clear.sentence).toMatch(/^Publish: on 80 sequences the loss of mine is 0\.05/);
    expect(clear.duel.losses.challenger).toHaveLength(80);
    const open = judge('teutonic', 0.004, 0.1);
    expect(open).toMatchObject({ advice: 'wait', duel: { wins: false } });
    expect(open.duel.more).toBeGreaterThan(0);
    expect(open.sentence).toContain(`--sequences ${80 + open.duel.more!}`);
    expect(sequencesToScore(open)).toBe(80 + open.duel.more!);
    const behind = judge('teutonic', -0.05);
    expect(behind).toMatchObject({ advice: 'train', pWin: 0, duel: { wins: false } });
    expect(behind.sentence).toMatch(/^Train on: on 80 sequences the loss of king is 0\.05/);
  });

  it.each([1, 2, 3, 7])('takes nothing from %d sequences, however much they differ', (n) => {
    const few = { name: 'king', losses: king.losses.slice(0, n) };
    const ahead = { name: 'mine', losses: few.losses.map((loss, i) => loss - 1 - i / 1000) };
    const found = liveDuel(ahead, few, profileNamed(constants, 'teutonic'), moment);
    expect(found.advice).toBe('wait');
    expect(found.sentence).toMatch(/say(s)? nothing about a chance to win; score more \(--sequences 8\)/);
    expect(sequencesToScore(found)).toBeGreaterThanOrEqual(8);
  });

  it('names no sequences to be scored where something else is waited for, or nothing', () => {
    expect(sequencesToScore(judge('coldint', 0.008, 0.002))).toBeNull();
    expect(sequencesToScore(judge('teutonic', 0.05))).toBeNull();
    expect(sequencesToScore(judge('teutonic', -0.05))).toBeNull();
  });

  it('says to wait where only the king’s head start stands in the way', () => {
    const found = judge('coldint', 0.008, 0.002);
    expect(found).toMatchObject({ advice: 'wait', duel: { kind: 'advantage_wins', wins: false } });
    expect(found.pWin).toBeLessThan(0.01);
    expect(found.pWinLater).toBeGreaterThan(0.99);
    expect(found.sentence).toContain('head start');
  });

  it.each(['albedo', 'affine', 'cascade', 'resi', 'evolai'])(
    'never says yes where %s judges by something else',
    (name) => {
      const found = judge(name, 1);
      expect(found).toMatchObject({
        advice: null,
        pWin: null,
        duel: { wins: null, p: null, bound: null, more: null },
      });
      expect(found.sentence).toMatch(/^Not judged here: /);
      expect(found.sentence + describeDuel(found.duel)).not.toMatch(/publish|wins\b/i);
    },
  );

  it.each(['teutonic', 'albedo'])('%s: says of a copy that it is one', (name) => {
    const found = liveDuel({ ...king, name: 'mine' }, king, profileNamed(constants, name), moment);
    expect(found.sentence).toContain('mine and king have the very same loss');
    expect(found.advice).not.toBe('publish');
  });

  it('says that one sequence is too little', () => {
    const one = (losses: number[]) => ({ name: 'x', losses: losses.slice(0, 1) });
    const found = liveDuel(one([1]), one([2]), profileNamed(constants, 'teutonic'), moment);
    expect(found).toMatchObject({ advice: 'wait', pWin: null, duel: { n: 1, low: null, p: null } });
    expect(found.sentence).toContain('1 sequence says nothing');
  });

  it('is whole in 80 columns', () => {
    for (const [what, value] of describeDuel(judge('teutonic', 0.004, 0.1).duel))
      expect(`${what.padEnd(20)}  ${value}`.length).toBeLessThanOrEqual(80);
  });
});
