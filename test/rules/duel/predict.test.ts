/** The chance to win on fresh sequences, and what it is made of. How well it holds: `npm run bench -- duels`. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadConstants, profileNamed } from '../../../src/constants.ts';
import { duel, randomFrom } from '../../../src/rules/index.ts';

const constants = loadConstants();
const ruleOf = (name: string) => profileNamed(constants, name).duel;
const real = (min: number, max: number) => fc.double({ min, max, noNaN: true });
const asked = fc.record({
  by: fc.constant('mean' as const),
  threshold: real(-0.1, 0.1),
  sds: real(0, 4),
  n: fc.integer({ min: 2, max: 20_000 }),
  times: fc.integer({ min: 1, max: 3 }),
});
const sample = fc.record({ n: fc.integer({ min: 2, max: 20_000 }), mean: real(-1, 1), sd: real(1e-4, 1) });

describe('a mean above a threshold', () => {
  it('is a chance inside its interval, higher for a higher mean, lower for a higher threshold and for more rounds', () => {
    fc.assert(
      fc.property(sample, asked, real(0, 0.2), (ours, trial, more) => {
        const { p, low, high } = duel.predict(ours, trial)!;
        expect(0 <= low && low <= p + 1e-6 && p <= high + 1e-6 && high <= 1).toBe(true);
        const at = (changed: Partial<typeof ours>, other: Partial<typeof trial> = {}) =>
          duel.predict({ ...ours, ...changed }, { ...trial, ...other })!.p;
        expect(at({ mean: ours.mean + more })).toBeGreaterThanOrEqual(p - 1e-6);
        expect(at({}, { threshold: trial.threshold + more })).toBeLessThanOrEqual(p + 1e-6);
        expect(at({}, { times: trial.times + 1 })).toBeLessThanOrEqual(p + 1e-6);
      }),
      { numRuns: 100 },
    );
  });

  it('is one half at the threshold, less where the rule wants a lower bound, and surer of more sequences', () => {
    const trial = { by: 'mean', threshold: 0.01, sds: 0, n: 500, times: 1 } as const;
    const at = (n: number, changes = {}) =>
      duel.predict({ n, mean: 0.01, sd: 0.1 }, { ...trial, ...changes })!;
    expect(at(50).p).toBeCloseTo(0.5, 4);
    expect(at(50, { sds: 3 }).p).toBeLessThan(0.3);
    // Once more is no independent chance: the same true mean stands behind both.
    expect(at(50, { times: 2 }).p).toBeGreaterThan(0.26);
    const better = (n: number) => duel.predict({ n, mean: 0.02, sd: 0.1 }, trial)!;
    expect(better(2000).p).toBeGreaterThan(better(50).p);
    expect(better(2000).high - better(2000).low).toBeLessThan(better(50).high - better(50).low);
  });

  it('is Student’s for few sequences: the known quantiles of three', () => {
    // Fresh sequences without end: a chance that the true mean is above. t of 2 degrees: 2.919986 leaves 5% above it.
    const trial = { by: 'mean', threshold: 0, sds: 0, n: 1e12, times: 1 } as const;
    expect(duel.predict({ n: 3, mean: 2.919986 / Math.sqrt(3), sd: 1 }, trial)!.p).toBeCloseTo(0.95, 3);
    expect(duel.predict({ n: 101, mean: 1.660234 / Math.sqrt(101), sd: 1 }, trial)!.p).toBeCloseTo(0.95, 3);
  });

  it('is nothing for one sequence, and certain where all are alike', () => {
    const trial = { by: 'mean', threshold: 0, sds: 3, n: 10, times: 1 } as const;
    expect(duel.predict(duel.sampleOf([1]), trial)).toBeNull();
    expect(duel.predict(duel.sampleOf([1, 1, 1]), trial)?.p).toBe(1);
    expect(duel.predict(duel.sampleOf([0, 0]), trial)?.p).toBe(0);
    expect(duel.predict(duel.sampleOf([Number.NaN, 1]), trial)).toBeNull();
  });
});

describe('more sequences won than lost', () => {
  it('is the exact chance of the beta-binomial', () => {
    // Jeffreys' posterior of 7 won, 3 lost, over 10 fresh ones, by numerical integration in scipy's terms: sum of betabinom.pmf(k, 10, 7.5, 3.5), k > 5.
    const chance = duel.predict({ n: 10, won: 7, lost: 3 }, { by: 'share', n: 10 })!.p;
    expect(Math.abs(chance - exact(7, 3, 10))).toBeLessThan(0.01);
    for (const [won, lost, n] of [
      [60, 40, 100],
      [101, 99, 200],
      [30, 0, 31],
    ] as const)
      expect(
        Math.abs(duel.predict({ n: won + lost, won, lost }, { by: 'share', n })!.p - exact(won, lost, n)),
      ).toBeLessThan(0.01);
  });

  it('is never certain of the unseen, and nothing where nothing is decided', () => {
    const few = duel.predict({ n: 3, won: 3, lost: 0 }, { by: 'share', n: 3 })!;
    expect(few.p).toBeLessThan(0.99);
    expect(duel.predict({ n: 3, won: 0, lost: 0 }, { by: 'share', n: 3 })).toBeNull();
  });
});

/** Sum of the beta-binomial's chances above one half, by its recurrence. */
function exact(won: number, lost: number, n: number): number {
  const [a, b] = [won + 0.5, lost + 0.5];
  const logs = [0];
  for (let k = 0; k < n; k++)
    logs.push(logs[k]! + Math.log(((n - k) / (k + 1)) * ((a + k) / (b + n - k - 1))));
  const top = Math.max(...logs);
  const chances = logs.map((each) => Math.exp(each - top));
  const total = chances.reduce((x, y) => x + y);
  return chances.reduce((sum, each, k) => sum + (k > n / 2 ? each / total : 0), 0);
}

describe('how many more sequences settle it', () => {
  const trial = { by: 'mean', threshold: 0.0015, sds: 3.09, n: 10_000, times: 1 } as const;

  it('is what settles it, and not much more than that', () => {
    for (const mean of [0.0045, 0.003, 0.0005]) {
      const ours = { n: 40, mean, sd: 0.02 };
      const more = duel.moreToSettle(ours, trial)!;
      expect(more).toBeGreaterThan(0);
      const at = (n: number) => duel.predict({ ...ours, n }, trial)!.p;
      const open = (p: number) => p < 0.95 && p > 0.05;
      expect(open(at(40 + more))).toBe(false);
      expect(open(at(40 + Math.floor(more * 0.95)))).toBe(true);
    }
  });

  it('is never so few that a spread could not be told', () => {
    for (const n of [2, 3, 7])
      for (const sd of [0, 1e-6, 0.02])
        expect(n + (duel.moreToSettle({ n, mean: 0.1, sd }, trial) ?? 8)).toBeGreaterThanOrEqual(8);
  });

  it('is none for what is settled, and no number where the subnet’s own sample leaves it open', () => {
    expect(duel.moreToSettle({ n: 400, mean: 0.1, sd: 0.02 }, trial)).toBe(0);
    const edge = 0.0015 + (3.09 * 0.02) / 100;
    expect(duel.moreToSettle({ n: 40, mean: edge, sd: 0.02 }, trial)).toBeNull();
    expect(duel.moreToSettle({ n: 40, won: 24, lost: 16 }, { by: 'share', n: 1000 })).toBeGreaterThan(0);
  });
});

describe('a profile’s rule on losses', () => {
  const random = randomFrom(3);
  const king = Float64Array.from({ length: 60 }, () => 3 + random());
  const better = (by: number) => ({
    king,
    challenger: king.map((loss) => loss - by + (random() - 0.5) / 50),
  });
  const moment = { kingBlock: 1000, block: 1000 };

  it('is the bound of paired losses, with the sample that the subnet takes', () => {
    const found = duel.duelByLosses(ruleOf('teutonic'), better(0.05), moment)!;
    expect(found).toMatchObject({
      wins: true,
      stated: true,
      threshold: 0.0015,
      trial: { n: 10_000, times: 1 },
    });
    const { trial } = found;
    expect(trial.by === 'mean' && trial.sds).toBeCloseTo(3.0902, 3);
    expect(duel.duelByLosses(ruleOf('teutonic'), better(0), moment)!.wins).toBe(false);
  });

  it('is a share of sequences against a head start that decays', () => {
    for (const name of ['finetuning', 'coldint']) {
      const at = (by: number, block: number) =>
        duel.duelByLosses(ruleOf(name), better(by), { ...moment, block })!;
      // 1% of these losses is 0.035; coldint's advantage of 0.4% is 0.014 and goes to nothing.
      const [none, large] = name === 'coldint' ? [0.001, 0.05] : [0.03, 0.3];
      expect(at(large, 1000)).toMatchObject({ wins: true, threshold: 0.5, stated: false });
      expect(at(none, 1000).wins).toBe(false);
      expect(at(name === 'coldint' ? 0.012 : 0.1, Number.POSITIVE_INFINITY).wins).toBe(true);
      expect(at(name === 'coldint' ? 0.012 : 0.1, 1000).wins).toBe(false);
    }
  });

  it('is none where something else decides; a margin must be won twice', () => {
    for (const name of ['albedo', 'affine', 'cascade', 'resi', 'evolai'])
      expect(duel.duelByLosses(ruleOf(name), better(1), moment)).toBeNull();
    expect(duel.trialOf(ruleOf('albedo'), 400)).toEqual({
      by: 'mean',
      threshold: 0.025,
      sds: 0,
      n: 400,
      times: 2,
    });
  });
});
