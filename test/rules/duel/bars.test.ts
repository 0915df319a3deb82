/** One side of a duel known beforehand comes to the same as the duel itself. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadConstants, profileNamed } from '../../../src/constants.ts';
import { duel, pretrainingBars, pretrainingDuel } from '../../../src/rules/index.ts';

const constants = loadConstants();
const loss = fc.double({ min: 1, max: 9, noNaN: true });
const pairs = fc.array(fc.tuple(loss, loss), { minLength: 2, maxLength: 60 });
const block = fc.integer({ min: 0, max: 100_000 });

/** As the trainer does it (python/trainer/score/duel.py). */
function fight(
  { bars, weights }: { bars: ArrayLike<number>; weights: ArrayLike<number> | null },
  losses: number[],
) {
  const gains = losses.map((value, i) => bars[i]! - value * (weights?.[i] ?? 1));
  const { n, ...moments } = duel.sampleOf(gains);
  return {
    sequences: n,
    ...moments,
    won: gains.filter((gain) => gain > 0).length,
    lost: gains.filter((gain) => gain < 0).length,
  };
}

describe('the bars of a king', () => {
  it.each(['teutonic', '37', '29', 'finetuning', 'coldint'].filter((name) => name in constants.profiles))(
    'come to what the rule of %s says of both sides',
    (name) => {
      const { duel: rule } = profileNamed(constants, name);
      if (!duel.decidedByLosses(rule)) return;
      const quick = rule.kind === 'bootstrap_lcb' ? { ...rule, B: 5 } : rule;
      fc.assert(
        fc.property(pairs, block, block, (both, kingBlock, later) => {
          const [king, challenger] = [both.map(([a]) => a), both.map(([, b]) => b)];
          const moment = { kingBlock, block: kingBlock + later };
          const found = duel.duelByLosses(quick, { king, challenger }, moment)!;
          const bars = duel.barsOf(quick, king, moment)!;
          expect(bars.trial).toEqual(found.trial);
          const sample = duel.sampleFought(fight(bars, challenger), bars.trial);
          if (sample === null) return;
          for (const [key, value] of Object.entries(found.sample))
            expect(sample[key as 'n'], key).toBeCloseTo(value, 9);
        }),
        { numRuns: 40 },
      );
    },
  );

  it.each(['3.2', '6.0'])(
    'come to what release %s says, weights of tasks and head starts with them',
    (name) => {
      const profile = profileNamed(constants, name);
      const epsilon = {
        type: 'LinearDecay',
        start_epsilon: 0.01,
        end_epsilon: 0,
        decay_blocks: 1000,
      } as const;
      fc.assert(
        fc.property(
          pairs,
          block,
          block,
          fc.integer({ min: -500, max: 500 }),
          (both, kingBlock, later, ahead) => {
            const [king, challenger] = [both.map(([a]) => a), both.map(([, b]) => b)];
            const cut = Math.floor(both.length / 2);
            const tasks = [
              { start: 0, end: cut, weight: 1 },
              { start: cut, end: both.length, weight: 3 },
            ];
            const [rival, own] = [
              { losses: king, block: kingBlock },
              { losses: challenger, block: kingBlock + ahead },
            ];
            const now = kingBlock + later;
            const found = pretrainingDuel(own, rival, tasks, epsilon, now, profile);
            const bars = pretrainingBars(rival, own.block, tasks, epsilon, now, profile);
            const sample = duel.sampleFought(fight(bars, challenger), found.trial);
            if (sample === null) return;
            for (const [key, value] of Object.entries(found.sample))
              expect(sample[key as 'n'], key).toBeCloseTo(value, 9);
          },
        ),
        { numRuns: 60 },
      );
    },
  );

  it('say nothing where losses do not decide, and nothing of losses that are not finite', () => {
    const { duel: rule } = profileNamed(constants, 'albedo');
    expect(duel.barsOf(rule, [1, 2], { kingBlock: 1, block: 2 })).toBeNull();
    const trial = duel.trialOfMeans(2);
    expect(duel.standingOf({ sequences: 2, mean: null, sd: null, won: 1, lost: 0 }, trial)).toBeNull();
    expect(
      duel.standingOf({ sequences: 2, mean: null, sd: null, won: 0, lost: 0 }, duel.trialOfWins(2)),
    ).toBeNull();
    const settled = duel.standingOf({ sequences: 200, mean: 1, sd: 0.1, won: 200, lost: 0 }, trial)!;
    expect(settled).toMatchObject({ p: 1, more: 0 });
  });
});

describe('the largest spread that a sample can see through', () => {
  it('is where the chance is just settled, and grows with the sample', () => {
    const trial = { by: 'mean', threshold: 0.0015, sds: 3.09, n: 10_000, times: 1 } as const;
    const at = (n: number) => duel.largestSpread(trial, n, 0.003);
    for (const n of [16, 256, 4096]) {
      const chance = (sd: number) => duel.predict({ n, mean: 0.003, sd }, trial)!.p;
      expect(chance(at(n) * 0.999)).toBeGreaterThanOrEqual(duel.SETTLED);
      expect(chance(at(n) * 1.01)).toBeLessThan(duel.SETTLED);
    }
    expect(at(16)).toBeLessThan(at(256));
    expect(at(256)).toBeLessThan(at(4096));
  });
});
