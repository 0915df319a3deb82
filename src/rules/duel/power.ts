/**
 * How many sequences a duel takes, before any is scored: so many that, if the true gain is what it is taken for, a sample of that size settles
 * it for the challenger (`predict`: a chance of `SETTLED`) with the power that is asked for.
 */
import { FEWEST, normalCdf, predict, SETTLED, type Trial } from './predict.ts';

/** What is taken for true: gain and its standard deviation a sequence, nats a token; or the shares of sequences won and lost. */
export type Truth =
  | { gain: number; sd: number; skew?: number; excess?: number }
  | { won: number; lost: number };

/** Steps of a bisection: far more than the digits that are told. */
const STEPS = 24;
/** Standard deviations above what is asked at which any sample is settled that can be. */
const FAR = 20;

/** Chance that a sample of `n` settles it for the challenger. */
export function powerOf(truth: Truth, n: number, trial: Trial): number {
  if ('gain' in truth) {
    const { gain, sd, skew = 0, excess = 0 } = truth;
    if (trial.by !== 'mean') throw new RangeError('a rule on wins needs shares');
    const settled = (mean: number) => (predict({ n, mean, sd, skew, excess }, trial)?.p ?? 0) >= SETTLED;
    const needed = leastThat(settled, trial.threshold, trial.threshold + FAR * sd);
    return needed === null ? 0 : normalCdf((gain - needed) / (sd / Math.sqrt(n)));
  }
  if (trial.by !== 'share') throw new RangeError('a rule on means needs a gain');
  const decided = n * (truth.won + truth.lost);
  const share = truth.won / (truth.won + truth.lost);
  const settled = (won: number) => (predict({ n, won, lost: decided - won }, trial)?.p ?? 0) >= SETTLED;
  const needed = leastThat(settled, decided / 2, decided);
  if (needed === null) return 0;
  const spread = Math.sqrt(decided * share * (1 - share));
  return spread === 0 ? +(decided * share >= needed) : normalCdf((decided * share - needed) / spread);
}

/**
 * The fewest sequences of that power, to about a hundredth; null: no number has it, because the gain is too small, or the subnet's own sample is
 * what leaves it open. `trialOf`: what the rule asks where so many of ours are scored.
 */
export function sequencesFor(
  truth: Truth,
  power: number,
  trialOf: (n: number) => Trial,
  most = 2 ** 30,
): number | null {
  const enough = (n: number) => powerOf(truth, n, trialOf(n)) >= power;
  if (enough(FEWEST)) return FEWEST;
  if (!enough(most)) return null;
  let [below, above] = [FEWEST, 2 * FEWEST];
  while (!enough(above)) [below, above] = [above, Math.min(most, 2 * above)];
  while (above - below > Math.max(1, below / 100)) {
    const middle = Math.floor((above + below) / 2);
    if (enough(middle)) above = middle;
    else below = middle;
  }
  return above;
}

/** The least value in between from which on `holds`, which goes from no to yes once; null: not even at `high`. */
function leastThat(holds: (value: number) => boolean, low: number, high: number): number | null {
  if (!holds(high)) return null;
  for (let i = 0; i < STEPS; i++) {
    const middle = (low + high) / 2;
    if (holds(middle)) high = middle;
    else low = middle;
  }
  return high;
}
