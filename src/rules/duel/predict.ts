/**
 * From a sample of ours to the chance that a rule is passed on fresh sequences of the subnet's own: over all true values that the sample
 * leaves possible (Student's posterior of a mean, Jeffreys' of a share), the chance at each. The two uncertainties, ours and that of the
 * fresh sample, are both in it, and so is the skew of the values: a mean that is higher comes with a larger spread where the tail is long
 * above, and a bootstrap's bound leans with its sample (Edgeworth's first term). How well it holds is measured by `npm run bench -- duels`.
 */

/** What the rule asks of `n` fresh sequences. */
export type Trial =
  | {
      by: 'mean';
      /** The mean less `sds` of its standard errors must be above it. */
      threshold: number;
      sds: number;
      n: number;
      /** So many fresh samples in a row. */
      times: number;
    }
  /** More sequences won than lost. */
  | { by: 'share'; n: number };

/** Mean, standard deviation (n − 1), and of the sample itself third and fourth standardized moment (`excess`: less the normal's 3). */
export interface Moments {
  n: number;
  mean: number;
  sd: number;
  /** Left out: 0, as of a normal sample. */
  skew?: number;
  excess?: number;
}

/** A sample of a value a sequence, or of sequences won and lost (of `n`; the others are ties). */
export type Sample = Moments | { n: number; won: number; lost: number };

export interface Prediction {
  /** Chance to pass. */
  p: number;
  /** 95% interval of what the chance would be if the true value were known. */
  low: number;
  high: number;
}

/** From this chance on (or down from its complement) the outcome counts as settled. */
export const SETTLED = 0.95;

/** The mean of fewer sequences says nothing that a rule could use: how far such a sample's spread may be off is beyond any model of it. */
export const FEWEST = 8;

const POINTS = 2001;
/** Standard deviations of a posterior that are looked at. */
const REACH = 9;
/** Digits that are told: the grid is good for these. */
const DIGITS = 1e6;

export function sampleOf(values: ArrayLike<number>): Moments {
  const n = values.length;
  let mean = 0;
  let squares = 0;
  for (let i = 0; i < n; i++) {
    const off = values[i]! - mean;
    mean += off / (i + 1);
    squares += off * (values[i]! - mean);
  }
  const sd = n > 1 ? Math.sqrt(squares / (n - 1)) : Number.NaN;
  if (!(squares > 0)) return { n, mean, sd, skew: 0, excess: 0 };
  const spread = Math.sqrt(squares / n);
  let [third, fourth] = [0, 0];
  for (let i = 0; i < n; i++) {
    const off = (values[i]! - mean) / spread;
    third += off ** 3;
    fourth += off ** 4;
  }
  return { n, mean, sd, skew: third / n, excess: fourth / n - 3 };
}

/** Null below two sequences (for a mean), or when nothing was won or lost. */
export function predict(sample: Sample, trial: Trial): Prediction | null {
  const believed = trial.by === 'mean' ? meanGrid(sample, trial) : shareGrid(sample, trial);
  if (believed === null) return null;
  const chances = believed.toSorted((a, b) => a.chance - b.chance);
  const total = chances.reduce((sum, { weight }) => sum + weight, 0);
  const p = chances.reduce((sum, { weight, chance }) => sum + weight * chance, 0) / total;
  const quantile = (q: number): number => {
    let seen = 0;
    for (const { weight, chance } of chances) {
      seen += weight;
      if (seen >= q * total) return chance;
    }
    return chances.at(-1)!.chance;
  };
  const told = (value: number) => Math.round(value * DIGITS) / DIGITS;
  // Of a very lopsided posterior the mean may lie outside.
  return {
    p: told(p),
    low: told(Math.min(p, quantile(0.025))),
    high: told(Math.max(p, quantile(0.975))),
  };
}

/**
 * How many more sequences would settle it, if the values go on as they are: 0 when it is settled, null when no number would, because the
 * subnet's own sample is what leaves it open.
 */
export function moreToSettle(sample: Sample, trial: Trial, most = 2 ** 30): number | null {
  const settled = (n: number): boolean => {
    const found = n < FEWEST ? null : predict(grown(sample, n), trial);
    return found !== null && (found.p >= SETTLED || found.p <= 1 - SETTLED);
  };
  if (settled(sample.n)) return 0;
  let above = Math.max(2 * sample.n, FEWEST);
  while (!settled(above)) {
    if (above >= most) return null;
    above *= 2;
  }
  let below = Math.max(above === FEWEST ? FEWEST - 1 : above / 2, sample.n);
  while (above - below > Math.max(1, below / 100)) {
    const middle = Math.floor((above + below) / 2);
    if (settled(middle)) above = middle;
    else below = middle;
  }
  return above - sample.n;
}

/** The largest standard deviation of gains, a sequence, at which a true gain of `gain` settles `trial` on `n` sequences. */
export function largestSpread(trial: Trial & { by: 'mean' }, n: number, gain: number): number {
  let [low, high] = [0, Math.max(gain, 1) * Math.sqrt(Math.max(n, trial.n))];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    const found = predict({ n, mean: gain, sd: middle }, trial);
    if (found !== null && found.p >= SETTLED) low = middle;
    else high = middle;
  }
  return low;
}

function grown(sample: Sample, n: number): Sample {
  if ('mean' in sample) return { ...sample, n };
  const by = n / sample.n;
  return { n, won: sample.won * by, lost: sample.lost * by };
}

interface Believed {
  weight: number;
  chance: number;
}

/** Student's posterior of the mean: mean + sd/√n · √ν tan θ, whose density in θ is cos θ to the power ν − 1. */
function meanGrid(sample: Sample, trial: Trial & { by: 'mean' }): Believed[] | null {
  if (!('mean' in sample)) throw new RangeError('a rule on means needs a sample of values');
  const { n, mean, sd } = sample;
  if (n < 2 || !Number.isFinite(mean) || !Number.isFinite(sd)) return null;
  const freedom = n - 1;
  const reach = freedom < 60 ? Math.PI / 2 : Math.atan(REACH / Math.sqrt(freedom));
  return grid(-reach, reach).map((angle) => {
    const at = mean + (sd / Math.sqrt(n)) * Math.sqrt(freedom) * Math.tan(angle);
    return { weight: Math.cos(angle) ** (freedom - 1), chance: chanceOfMean(at, sample, trial) };
  });
}

/** Variances that a skewed sample's own is taken to differ from the true one by, at most. */
const [NARROWEST, WIDEST] = [0.25, 4];
/** The least variance that is left to a bound, of its mean's. */
const LEAST_VARIANCE = 0.2;

/**
 * Chance that fresh sequences pass, where the true mean is `mean`. Their lower bound is mean + standard error · (−sds + γ (sds² − 1) / 6), with γ
 * the skew of a mean of n (Cornish and Fisher's quantile of a bootstrap); mean and standard error go together where the values are skewed.
 */
function chanceOfMean(
  mean: number,
  { mean: seen, sd, skew = 0, excess = 0 }: Moments,
  { threshold, sds, n, times }: Trial & { by: 'mean' },
): number {
  if (sd === 0) return mean > threshold ? 1 : 0;
  // What our sample has missed of a long tail, its spread has missed too: cov(mean, variance) is the third moment.
  const wider = Math.min(WIDEST, Math.max(NARROWEST, 1 + (skew * (mean - seen)) / sd));
  const above = (Math.sqrt(n) * (mean - threshold)) / (sd * Math.sqrt(wider));
  const lean = skew / Math.sqrt(n);
  const bound = sds === 0 ? 0 : -sds + (lean * (sds ** 2 - 1)) / 6;
  const variance = 1 + bound * lean + (bound ** 2 * (Math.max(excess, skew ** 2 - 2) + 2)) / (4 * n);
  const width = Math.sqrt(Math.max(LEAST_VARIANCE, variance));
  return (1 - skewedCdf(-(above + bound) / width, lean / width)) ** times;
}

/** Chance that a standardized value of this skew is below `x`: Edgeworth's first term, within 0 and 1. */
function skewedCdf(x: number, skew: number): number {
  const density = Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
  return Math.min(1, Math.max(0, normalCdf(x) - (skew * (x * x - 1) * density) / 6));
}

/** Jeffreys' posterior of a share q = sin² φ: its density in φ is sin φ to 2·won times cos φ to 2·lost. */
function shareGrid(sample: Sample, { n: fresh }: Trial): Believed[] | null {
  if ('mean' in sample) throw new RangeError('a rule on wins needs a sample of wins');
  const { n, won, lost } = sample;
  if (won + lost <= 0) return null;
  const likeliest = Math.atan2(Math.sqrt(won), Math.sqrt(lost));
  const reach = REACH / (2 * Math.sqrt(won + lost));
  const edge = 1e-9;
  const from = Math.max(edge, likeliest - reach);
  const to = Math.min(Math.PI / 2 - edge, likeliest + reach);
  const weightOf = (angle: number) =>
    (won > 0 ? 2 * won * Math.log(Math.sin(angle)) : 0) +
    (lost > 0 ? 2 * lost * Math.log(Math.cos(angle)) : 0);
  const best = weightOf(Math.min(Math.max(likeliest, edge), Math.PI / 2 - edge));
  const decided = Math.max(1, Math.round((fresh * (won + lost)) / n));
  return grid(from, to).map((angle) => {
    const share = Math.sin(angle) ** 2;
    // More than half: half a win above it where a draw is possible.
    const needed = decided / 2 + (decided % 2 === 0 ? 0.5 : 0);
    const spread = Math.sqrt(decided * share * (1 - share));
    return {
      weight: Math.exp(weightOf(angle) - best),
      chance: normalCdf((decided * share - needed) / spread),
    };
  });
}

const grid = (from: number, to: number): number[] =>
  Array.from({ length: POINTS }, (_, i) => from + ((to - from) * (i + 0.5)) / POINTS);

/** Chance that a standard normal value is below `x`; to 1e-7 (Abramowitz and Stegun 26.2.17). */
export function normalCdf(x: number): number {
  if (x < 0) return 1 - normalCdf(-x);
  const t = 1 / (1 + 0.2316419 * x);
  const tail =
    t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return 1 - (Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)) * tail;
}

/** The value that a standard normal one is below with chance `p`. */
export function normalQuantile(p: number): number {
  let [low, high] = [-10, 10];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (normalCdf(middle) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
