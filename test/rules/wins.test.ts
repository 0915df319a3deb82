import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadConstants } from '../../src/constants.ts';
import type { Contender, EpsilonRule } from '../../src/rules/index.ts';
import * as rules from '../../src/rules/index.ts';

const { profiles } = loadConstants();

const rule: fc.Arbitrary<EpsilonRule> = fc.oneof(
  fc.record({
    type: fc.constant('FixedEpsilon' as const),
    epsilon: fc.double({ min: 0, max: 0.1, noNaN: true }),
  }),
  fc.record({
    type: fc.constant('LinearDecay' as const),
    start_epsilon: fc.constant(0.005),
    end_epsilon: fc.double({ min: 0, max: 0.005, noNaN: true }),
    decay_blocks: fc.integer({ min: 1, max: 100_000 }),
  }),
);
const loss = fc.oneof(
  { weight: 9, arbitrary: fc.double({ min: 1, max: 4, noNaN: true }) },
  { weight: 1, arbitrary: fc.constantFrom(Number.POSITIVE_INFINITY, Number.NaN, 2, 0) },
);
const contenders = fc
  .integer({ min: 1, max: 6 })
  .chain((batches) =>
    fc
      .array(
        fc.tuple(fc.array(loss, { minLength: batches, maxLength: batches }), fc.integer({ min: 0, max: 5 })),
        { maxLength: 7 },
      )
      .map((list) => list.map(([losses, block], uid): Contender => ({ uid, losses, block }))),
  );

describe('win rates', () => {
  it('are what comparing every pair on every batch gives', () => {
    fc.assert(
      fc.property(contenders, rule, fc.nat(200_000), (list, epsilon, now) => {
        const table = rules.winRates(list, epsilon, now, 1);
        for (const a of list) {
          let won = 0;
          let matches = 0;
          for (const b of list)
            if (a !== b)
              for (let k = 0; k < a.losses.length; k++) {
                won += Number(rules.isWin(a.losses[k]!, b.losses[k]!, a.block, b.block, epsilon, now));
                matches++;
              }
          expect(table.wins.get(a.uid)).toBe(won);
          expect(table.winRates.get(a.uid)).toBe(matches === 0 ? 1 : won / matches);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('let at most one of two win, and never a model against itself', () => {
    fc.assert(
      fc.property(
        loss,
        loss,
        fc.nat(10),
        fc.nat(10),
        rule,
        fc.nat(200_000),
        (a, b, blockA, blockB, epsilon, now) => {
          const forward = rules.isWin(a, b, blockA, blockB, epsilon, now);
          const back = rules.isWin(b, a, blockB, blockA, epsilon, now);
          expect(forward && back).toBe(false);
          expect(rules.isWin(a, a, blockA, blockA, epsilon, now)).toBe(false);
        },
      ),
    );
  });

  it('of one epsilon never grow with age, and stay between its ends', () => {
    fc.assert(
      fc.property(rule, fc.nat(300_000), fc.nat(300_000), (epsilon, x, y) => {
        const [young, aged] = [Math.min(x, y), Math.max(x, y)];
        expect(rules.epsilonAt(epsilon, aged, 0)).toBeLessThanOrEqual(rules.epsilonAt(epsilon, young, 0));
        expect(rules.epsilonAt(epsilon, 0, young)).toBe(rules.epsilonAt(epsilon, 0, 0));
      }),
    );
  });
});

describe('competitive set', () => {
  it('keeps the earliest, and whoever is out can never beat all earlier ones', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(fc.nat(50), fc.double({ min: 1, max: 3, noNaN: true })), {
          selector: ([block]) => block,
          minLength: 1,
        }),
        rule,
        (list, epsilon) => {
          const models = list.map(([block, score], uid) => ({ uid, block, score }));
          const kept = new Set(rules.competitiveSet(models, epsilon));
          const first = models.reduce((a, b) => (b.block < a.block ? b : a));
          expect(kept.has(first.uid)).toBe(true);
          for (const m of models) {
            const beatsAll = models.every(
              (o) =>
                o.block >= m.block ||
                rules.isWin(m.score, o.score, m.block, o.block, epsilon, Number.POSITIVE_INFINITY),
            );
            expect(kept.has(m.uid)).toBe(beatsAll);
          }
        },
      ),
    );
  });
});

describe('weights', () => {
  it('sum to one, keep the order of win rates, and survive a sum of zero', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 20 }),
        (rates) => {
          const weights = rules.validator.stepWeights(rates, 0.01);
          expect(weights.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
          const best = rates.indexOf(Math.max(...rates));
          expect(weights[best]).toBe(Math.max(...weights));
        },
      ),
    );
    expect(rules.validator.averageFromFirst(null, [0, 0], 0.5)).toEqual([0, 0]);
    expect(rules.validator.averageFromZero([0.5, 0.5], [0, 0], 0.5)).toEqual([0.25, 0.25]);
    expect(rules.validator.subnetWeights([{ id: 1, reward_percentage: 1 }], new Map(), 2)).toEqual([0, 0]);
  });
});

describe('forecast', () => {
  const tasks = [{ start: 0, end: 200, weight: 1 }];
  const noisy = (mean: number, seed: number, block: number) => {
    const random = rules.randomFrom(seed);
    return { losses: Float64Array.from({ length: 200 }, () => mean + (random() - 0.5) / 5), block };
  };
  const fixed: EpsilonRule = { type: 'FixedEpsilon', epsilon: 0.005 };
  const decay: EpsilonRule = {
    type: 'LinearDecay',
    start_epsilon: 0.005,
    end_epsilon: 0.0001,
    decay_blocks: 1000,
  };

  it.each(['3.2', '6.0'] as const)('is sure of the clear cases in profile %s', (name) => {
    const chance = (mine: number, theirs: number) =>
      rules.winProbability(noisy(mine, 1, 100), noisy(theirs, 1, 50), tasks, fixed, 100, profiles[name]);
    expect(chance(2.5, 3)).toBe(1);
    expect(chance(3, 2.5)).toBe(0);
    expect(chance(2.995, 3)).toBe(0);
    // Copying a model never wins: the earlier one has the head start.
    expect(chance(3, 3)).toBe(0);
  });

  it('is near one half when nothing separates the models', () => {
    const random = rules.randomFrom(5);
    const mine = { losses: Float64Array.from({ length: 400 }, () => 2 + random()), block: 5 };
    const theirs = { losses: Float64Array.from({ length: 400 }, (_, i) => mine.losses[399 - i]!), block: 5 };
    const all = [{ start: 0, end: 400, weight: 1 }];
    expect(rules.winProbability(mine, theirs, all, fixed, 10, profiles['6.0'])).toBeGreaterThan(0.4);
    expect(rules.winProbability(mine, theirs, all, fixed, 10, profiles['6.0'])).toBeLessThan(0.6);
  });

  it('gives the same answer twice, and more chance once the head start has decayed', () => {
    const [mine, theirs] = [noisy(2.99, 1, 100), noisy(3, 1, 50)];
    const at = (block: number) => rules.winProbability(mine, theirs, tasks, decay, block, profiles['6.0']);
    expect(at(100)).toBe(at(100));
    expect(at(100)).toBe(0);
    expect(at(5000)).toBe(1);
    expect(rules.advise(at(100), at(5000))).toBe('wait');
    expect(rules.advise(0.95, 0.95)).toBe('publish');
    expect(rules.advise(0.1, 0.2)).toBe('train');
  });

  it('brackets the mean, and says nothing of losses that are not finite', () => {
    const { losses } = noisy(3, 2, 0);
    const interval = rules.confidenceInterval(losses, tasks)!;
    const score = rules.scoreOf(losses, tasks);
    expect(interval.low).toBeLessThan(score);
    expect(interval.high).toBeGreaterThan(score);
    expect(interval.high - interval.low).toBeLessThan(0.03);
    expect(rules.confidenceInterval([1, Number.NaN], [{ start: 0, end: 2, weight: 1 }])).toBeNull();
    expect(rules.confidenceInterval([1], [{ start: 0, end: 1, weight: 1 }])).toBeNull();
  });

  it('says what it takes to win, so that just less does win', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.5, max: 5, noNaN: true }), fc.nat(5000), (theirs, now) => {
        const goal = rules.lossToBeat(theirs, 10, decay, now);
        expect(rules.isWin(goal.now * (1 - 1e-12), theirs, now + 20, 10, decay, now)).toBe(true);
        expect(rules.isWin(goal.now, theirs, now + 20, 10, decay, now)).toBe(false);
        expect(goal.later).toBeGreaterThanOrEqual(goal.now);
        expect(goal.decayedAtBlock).toBe(1010);
      }),
    );
  });

  it('weighs tasks', () => {
    const two = [
      { start: 0, end: 2, weight: 3 },
      { start: 2, end: 3, weight: 1 },
    ];
    expect(rules.scoreOf([1, 3, 6], two)).toBe((3 * 2 + 6) / 4);
  });
});
