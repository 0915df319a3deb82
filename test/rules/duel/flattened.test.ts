/** When training on is in vain. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { duel } from '../../../src/rules/index.ts';

const trial = { by: 'mean', threshold: 0.01, sds: 3, n: 10_000, times: 1 } as const;
const point = (tokens: number, mean: number, changes: Partial<duel.GainPoint> = {}): duel.GainPoint => ({
  ...{ tokens, mean, sd: 0.02, sequences: 400, won: 0, lost: 0, fallAhead: false, part: null },
  ...changes,
});
const row = (means: number[], changes: Partial<duel.GainPoint> = {}) =>
  means.map((mean, i) => point((i + 1) * 1000, mean, { part: (i + 1) / (2 * means.length), ...changes }));

describe('a gain that has flattened', () => {
  it('below what an even chance needs ends the run, and says the three numbers', () => {
    const found = duel.flattened(row([0.0021, 0.0019, 0.002, 0.0021, 0.002]), trial)!;
    expect(found.gain).toBe(0.002);
    // threshold + 3 x 0.02 / sqrt(10,000)
    expect(found.needed).toBeCloseTo(0.0106, 9);
    expect(found.reach).toBeGreaterThan(0.002 + (1.645 * 0.02) / 20);
    expect(found.reach).toBeLessThan(found.needed);
  });

  it('does not where it still rises fast enough, is too noisy to tell, or is there already', () => {
    expect(duel.flattened(row([0.001, 0.002, 0.003, 0.004, 0.005]), trial)).toBeNull();
    expect(duel.flattened(row([0.001, 0.004, 0, 0.004, 0.001]), trial)).toBeNull();
    expect(duel.flattened(row([0.02, 0.02, 0.02, 0.02, 0.02]), trial)).toBeNull();
    // Slowly rising: enough with half of the run left, in vain with a hundredth.
    const slow = [0.006, 0.0065, 0.007, 0.0075, 0.008];
    expect(duel.flattened(row(slow), trial)).toBeNull();
    expect(duel.flattened(row(slow, { part: 0.99, sequences: 100_000 }), trial)).not.toBeNull();
  });

  it('waits for the fall of the rate, for five evaluations, and for losses that are finite', () => {
    const flat = [0.002, 0.002, 0.002, 0.002, 0.002];
    expect(duel.flattened(row(flat), trial)).not.toBeNull();
    expect(duel.flattened(row(flat).slice(1), trial)).toBeNull();
    expect(duel.flattened(row(flat, { fallAhead: true }), trial)).toBeNull();
    expect(duel.flattened(row(flat, { mean: null }), trial)).toBeNull();
    expect(duel.flattened([...row(flat, { fallAhead: true }), ...row(flat)], trial)).not.toBeNull();
  });

  it('counts sequences where the rule does', () => {
    const wins = { by: 'share', n: 400 } as const;
    const won = (share: number) =>
      row([1, 2, 3, 4, 5], { won: Math.round(400 * share), lost: Math.round(400 * (1 - share)) });
    expect(duel.flattened(won(0.3), wins)).toMatchObject({ gain: 0.3, needed: 0.5, by: 'share' });
    expect(duel.flattened(won(0.49), wins)).toBeNull();
    expect(duel.flattened(won(0.6), wins)).toBeNull();
    expect(duel.flattened(row([1, 2, 3, 4, 5], { won: 0, lost: 0 }), wins)).toBeNull();
  });

  const means = fc.array(fc.double({ min: -0.05, max: 0.05, noNaN: true }), { minLength: 5, maxLength: 12 });

  it('is never said of a run that is above what it needs, and of none better once it is not of a worse one', () => {
    fc.assert(
      fc.property(means, fc.double({ min: 0, max: 0.05, noNaN: true }), (gains, more) => {
        const found = duel.flattened(row(gains), trial);
        if (gains.at(-1)! >= duel.neededGain(trial, 0.02)) expect(found).toBeNull();
        const better = duel.flattened(row(gains.map((gain) => gain + more)), trial);
        if (found === null) expect(better).toBeNull();
      }),
      { numRuns: 200 },
    );
  });

  it('does not change with the unit of tokens, and looks at the last five alone', () => {
    fc.assert(
      fc.property(means, fc.integer({ min: 1, max: 1000 }), (gains, unit) => {
        const points = row(gains);
        const scaled = points.map((one) => ({ ...one, tokens: one.tokens * unit }));
        expect(duel.flattened(scaled, trial) === null).toBe(duel.flattened(points, trial) === null);
        expect(duel.flattened(points.slice(-duel.WINDOW), trial)).toEqual(duel.flattened(points, trial));
      }),
      { numRuns: 100 },
    );
  });
});
