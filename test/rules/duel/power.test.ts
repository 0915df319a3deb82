/** How many sequences a power takes: held to campaigns that are drawn and judged by the forecast itself. */
import { describe, expect, it } from 'vitest';
import { loadConstants, profileNamed } from '../../../src/constants.ts';
import { duel, randomFrom } from '../../../src/rules/index.ts';

const { duel: teutonic } = profileNamed(loadConstants(), 'teutonic');
const trialOf = (n: number) => duel.trialOf(teutonic, n)!;
const random = randomFrom(7);
const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
/** Share of samples of `n` that the forecast calls settled for the challenger. */
function settled(draw: () => duel.Sample, trial: duel.Trial, draws = 300): number {
  let count = 0;
  for (let i = 0; i < draws; i++) count += +((duel.predict(draw(), trial)?.p ?? 0) >= duel.SETTLED);
  return count / draws;
}

describe('of a rule on means', () => {
  const truth = { gain: 0.02, sd: 0.1 };

  it.each([0.5, 0.8, 0.95])('so many settle it as often as was asked: %s', (power) => {
    const n = duel.sequencesFor(truth, power, trialOf)!;
    const sample = () => duel.sampleOf(Array.from({ length: n }, () => truth.gain + truth.sd * normal()));
    // Three standard errors of 300 draws, and what the search leaves.
    expect(Math.abs(settled(sample, trialOf(n)) - power)).toBeLessThan(0.09);
  });

  it('needs more for more power, a larger spread and a smaller gain, and none is enough for a gain that does not win', () => {
    const n = (changes: object, power = 0.9) => duel.sequencesFor({ ...truth, ...changes }, power, trialOf)!;
    expect(n({}, 0.99)).toBeGreaterThan(n({}));
    expect(n({ sd: 0.2 })).toBeGreaterThan(n({}));
    expect(n({ gain: 0.015 })).toBeGreaterThan(n({}));
    expect(n({ gain: 0 })).toBeNull();
    expect(n({ gain: 10 })).toBe(duel.FEWEST);
  });
});

describe('of a rule on wins', () => {
  it('so many settle it as often as was asked', () => {
    const truth = { won: 0.6, lost: 0.4 };
    const n = duel.sequencesFor(truth, 0.8, duel.trialOfWins)!;
    const sample = () => {
      const won = Array.from({ length: n }, () => +(random() < truth.won)).reduce((a, b) => a + b, 0);
      return { n, won, lost: n - won };
    };
    expect(Math.abs(settled(sample, duel.trialOfWins(n)) - 0.8)).toBeLessThan(0.1);
    expect(duel.sequencesFor({ won: 0.5, lost: 0.5 }, 0.8, duel.trialOfWins, 2 ** 20)).toBeNull();
    expect(duel.sequencesFor({ won: 1, lost: 0 }, 0.9, duel.trialOfWins)).toBeLessThan(30);
  });
});
