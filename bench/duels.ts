/**
 * `npm run bench -- duels [DUELS] [--calibration]`: whether the forecast of a duel holds. In each simulated duel our sample gives the chance to win, then the subnet's
 * rule itself decides on fresh sequences; the share won must be what was promised. Challengers are spread evenly around the threshold, from
 * certain losers to certain winners; differences are normal, heavy-tailed or skewed. Then campaigns of several candidates: how many of those
 * published on a promise win, chosen and promised on one text, or promised on text that no choice was made by.
 */
import { duel, randomFrom } from '../src/rules/index.ts';

const duels = Number(process.argv.find((arg) => /^\d+$/.test(arg)) ?? 4000);
const random = randomFrom(20261126);
const uniform = (from: number, to: number) => from + (to - from) * random();
const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
/** Student's t with 3 degrees of freedom, and a centred lognormal: in standard deviations. */
const NOISES: Record<string, () => number> = {
  normal,
  'heavy tails': () => normal() / Math.sqrt(normal() ** 2 + normal() ** 2 + normal() ** 2),
  skewed: () => lognormal(),
  'skewed down': () => -lognormal(),
};
function lognormal(): number {
  return (Math.exp(normal()) - Math.exp(0.5)) / Math.sqrt((Math.E - 1) * Math.E);
}

interface Setting {
  rule: string;
  /** Sequences of ours and of the subnet's. */
  own: number;
  fresh: number;
  duels: number;
  /** One duel: what a sample promises, and whether fresh sequences then win, at an advantage of so many standard errors. */
  play: (noise: () => number, advantage: number) => { p: number; won: boolean };
}

const drawn = (n: number, noise: () => number, mean: number, sd: number): Float64Array =>
  Float64Array.from({ length: n }, () => mean + sd * noise());
/** Losses with these differences; the king's own spread is irrelevant to a paired rule. */
const pairOf = (differences: Float64Array) => ({
  king: differences.map(() => 3),
  challenger: differences.map((difference) => 3 - difference),
});
const promised = (sample: duel.Sample, trial: duel.Trial): number => duel.predict(sample, trial)!.p;

/** Teutonic's rule; its sample is 10,000 sequences, which the simulation shortens. */
function bootstrap(own: number, fresh: number, B: number, count: number): Setting {
  const rule = { kind: 'bootstrap_lcb', alpha: 0.001, delta: 0.0015, B, seed: 0xb007, n: fresh } as const;
  const sd = 0.02;
  return {
    rule: `bootstrap_lcb (alpha 0.001, B ${B})`,
    ...{ own, fresh, duels: count },
    play(noise, advantage) {
      const error = sd * Math.sqrt(1 / own + 1 / fresh);
      const mean = rule.delta + (3.09 * sd) / Math.sqrt(fresh) + advantage * error;
      const sample = duel.sampleOf(drawn(own, noise, mean, sd));
      const trial = duel.trialOf(rule, own)!;
      const { king, challenger } = pairOf(drawn(fresh, noise, mean, sd));
      return { p: promised(sample, trial), won: duel.pairedDuel(king, challenger, rule).wins };
    },
  };
}

const margin = (own: number, fresh: number): Setting => ({
  rule: 'mean_margin (0.025, twice)',
  ...{ own, fresh, duels },
  play(noise, advantage) {
    const sd = 0.4;
    const mean = 0.025 + advantage * sd * Math.sqrt(1 / own + 1 / fresh);
    const trial = { by: 'mean', threshold: 0.025, sds: 0, n: fresh, times: 2 } as const;
    const once = () => {
      const samples = Array.from(drawn(fresh, noise, mean, sd), (d) => ({
        scored: true,
        challenger: 0.5 + d,
        king: 0.5,
      }));
      return duel.marginDuel(samples, { margin: 0.025, valid_share: 0.8 }).wins === true;
    };
    const p = promised(duel.sampleOf(drawn(own, noise, mean, sd)), trial);
    return { p, won: once() && once() };
  },
});

const wins = (own: number): Setting => ({
  rule: 'epsilon_wins, advantage_wins, 3.2 (share of sequences)',
  ...{ own, fresh: own, duels },
  play(noise, advantage) {
    const [sd, factor] = [0.03, 0.995];
    // Where half of all sequences are won, in the spread of a median.
    const mean = 3 * (1 - factor) + (advantage * 1.25 * sd * Math.sqrt(2)) / Math.sqrt(own);
    const of = () => duel.duelOfWins(pairOf(drawn(own, noise, mean, sd)), factor, 'epsilon_wins');
    const ours = of();
    return { p: promised(ours.sample, ours.trial), won: of().wins };
  },
});

const score = (own: number): Setting => ({
  rule: '6.0 (mean score)',
  ...{ own, fresh: own, duels },
  play(noise, advantage) {
    const sd = 0.03;
    const of = () =>
      duel.duelOfMeans(pairOf(drawn(own, noise, (advantage * sd * Math.sqrt(2)) / Math.sqrt(own), sd)));
    const ours = of();
    return { p: promised(ours.sample, ours.trial), won: of().wins };
  },
});

function report(metric: string, value: number, unit: string): void {
  const line = { bench: 'duels', metric, value: Number(value.toFixed(2)), unit, rival: null, ratio: null };
  console.log(JSON.stringify(line));
}

/** Points between what was promised and what was won, over the duels of each fifth of promises. */
function calibrate({ rule, own, fresh, duels: count, play }: Setting, noise: string): void {
  const bins = Array.from({ length: 5 }, () => ({ n: 0, promised: 0, won: 0 }));
  for (let i = 0; i < count; i++) {
    const { p, won } = play(NOISES[noise]!, uniform(-3, 3));
    const bin = bins[Math.min(4, Math.floor(p * 5))]!;
    bin.n += 1;
    bin.promised += p;
    bin.won += +won;
  }
  const gaps = bins.map(({ n, promised, won }) => (n === 0 ? 0 : Math.abs((100 * (promised - won)) / n)));
  const mean = gaps.reduce((sum, gap, i) => sum + gap * bins[i]!.n, 0) / count;
  const shown = bins
    .map(
      ({ n, promised, won }) =>
        `${((100 * promised) / n).toFixed(0)}→${((100 * won) / n).toFixed(0)} of ${n}`,
    )
    .join(', ');
  process.stderr.write(`${rule}, ${noise}, ${own}/${fresh}: promised→won % ${shown}\n`);
  const what = `${rule}, ${noise}, ${own} sequences against ${fresh}, ${count} duels in five bins`;
  report(`${what}: mean gap between promised and won`, mean, 'points');
  // Mostly luck where a bin holds few: 200 duels at one half have a standard error of 3.5 points.
  const widest = gaps.indexOf(Math.max(...gaps));
  const { n, promised: sum } = bins[widest]!;
  const error = 100 * Math.sqrt(((sum / n) * (1 - sum / n)) / n);
  report(`${what}: widest gap, of ${n} duels (standard error ${error.toFixed(1)})`, gaps[widest]!, 'points');
}

/**
 * Campaigns: of `candidates` checkpoints of one training, whose true gains scatter as those of checkpoints do, the best by our sample is
 * published when p(win) is above 0.95; at once, or when it still is on fresh sequences, which the choice was not made by.
 */
function campaigns(candidates: number, spread: number, count: number): void {
  const [own, fresh, sd] = [200, 500, 0.02];
  const rule = {
    kind: 'bootstrap_lcb',
    alpha: 0.001,
    delta: 0.0015,
    B: 2000,
    seed: 0xb007,
    n: fresh,
  } as const;
  const trial = duel.trialOf(rule, own)!;
  const error = sd * Math.sqrt(1 / own + 1 / fresh);
  const edge = rule.delta + (3.09 * sd) / Math.sqrt(fresh);
  const promise = { same: { n: 0, promised: 0, won: 0 }, fresh: { n: 0, promised: 0, won: 0 } };
  for (let i = 0; i < count; i++) {
    // A training lands somewhere around what is needed, and its checkpoints around that.
    const middle = edge + uniform(-4, 3) * error;
    const gains = Array.from({ length: candidates }, () => middle + spread * error * normal());
    const samples = gains.map((gain) => duel.sampleOf(drawn(own, NOISES['heavy tails']!, gain, sd)));
    const best = samples.reduce((top, { mean }, k) => (mean > samples[top]!.mean ? k : top), 0);
    const again = duel.sampleOf(drawn(own, NOISES['heavy tails']!, gains[best]!, sd));
    if (promised(samples[best]!, trial) <= 0.95) continue;
    // Confirmed: the promise that led to it, and then another one on fresh text.
    for (const [kind, sample] of [
      ['same', samples[best]!],
      ['fresh', again],
    ] as const) {
      const p = promised(sample, trial);
      if (p <= 0.95) continue;
      const { king, challenger } = pairOf(drawn(fresh, NOISES['heavy tails']!, gains[best]!, sd));
      promise[kind].n += 1;
      promise[kind].promised += p;
      promise[kind].won += +duel.pairedDuel(king, challenger, rule).wins;
    }
  }
  for (const [kind, { n, promised: sum, won }] of Object.entries(promise)) {
    process.stderr.write(
      `${candidates} candidates, spread ${spread}, ${kind}: ${n} of ${count} published, promised ${((100 * sum) / n).toFixed(1)}, won ${((100 * won) / n).toFixed(1)}\n`,
    );
    report(
      `published at p(win) > 0.95 and won, the best of ${candidates} candidates (spread ${spread} standard errors), ${kind === 'same' ? 'promised on the text of the choice' : 'confirmed on fresh text'}, ${n} of ${count} campaigns; promised ${((100 * sum) / n).toFixed(1)}`,
      (100 * won) / n,
      '%',
    );
  }
}

const only = process.argv.includes('--calibration');
for (const candidates of only ? [] : [1, 5, 20]) campaigns(candidates, 0.5, Math.min(duels, 2000));
for (const noise of Object.keys(NOISES))
  for (const setting of [
    bootstrap(200, 500, 2000, Math.min(duels, 2000)),
    margin(200, 400),
    wins(100),
    score(100),
  ])
    calibrate(setting, noise);
