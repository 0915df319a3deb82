/** Whether what is promised is won, where the differences have a long tail; docs/benchmarks.md has it measured with the rule itself. */
import { expect, test } from 'vitest';
import { duel, randomFrom } from '../../../src/rules/index.ts';

const random = randomFrom(11);
const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
/** Of variance 1, skew 6. */
const noise = () => (Math.exp(normal()) - Math.exp(0.5)) / Math.sqrt((Math.E - 1) * Math.E);
const [OWN, FRESH, DELTA, DUELS] = [200, 500, 0.05, 3000];

/** The bound that a bootstrap's 0.001 quantile comes to, which takes a hundred times as long: Cornish and Fisher's. */
function boundOf(sample: duel.Moments, sds: number): number {
  const lean = sample.skew! / Math.sqrt(sample.n);
  return sample.mean + (sample.sd / Math.sqrt(sample.n)) * (-sds + (lean * (sds ** 2 - 1)) / 6);
}

test('as many skewed duels are won as the forecasts promise, in every fifth of promises', () => {
  const trial = { by: 'mean', threshold: DELTA, sds: 3.0902, n: FRESH, times: 1 } as const;
  const bins = Array.from({ length: 5 }, () => ({ n: 0, promised: 0, won: 0 }));
  let symmetric = 0;
  for (let i = 0; i < DUELS; i++) {
    const advantage = (-3 + 6 * random()) * Math.sqrt(1 / OWN + 1 / FRESH);
    const mean = DELTA + trial.sds / Math.sqrt(FRESH) + advantage;
    const drawn = (n: number) => duel.sampleOf(Float64Array.from({ length: n }, () => mean + noise()));
    const sample = drawn(OWN);
    const won = +(boundOf(drawn(FRESH), trial.sds) > DELTA);
    const { p } = duel.predict(sample, trial)!;
    const bin = bins[Math.min(4, Math.floor(p * 5))]!;
    bin.n += 1;
    bin.promised += p;
    bin.won += won;
    symmetric += duel.predict({ ...sample, skew: 0, excess: 0 }, trial)!.p - won;
  }
  // In points. A bin of 200 has a standard error of 3.5 at one half by luck alone.
  const gaps = bins.map(({ n, promised, won }) => (100 * Math.abs(promised - won)) / n);
  for (const gap of gaps) expect(gap, JSON.stringify({ bins, gaps })).toBeLessThan(5);
  // What a forecast without the skew is off by, all in all.
  expect((100 * Math.abs(symmetric)) / DUELS).toBeGreaterThan(2);
}, 60_000);
