/** Whether training on is in vain: the gain over the king has flattened below what a win needs. */
import type { Trial } from './predict.ts';

/** The gain at one evaluation. */
export interface GainPoint {
  tokens: number;
  /** Mean gain with its standard deviation, or the sequences won and lost, of so many. */
  sequences: number;
  mean: number | null;
  sd: number | null;
  won: number;
  lost: number;
  /** Whether the rate has yet to begin its fall: what that gives is not in the gain. */
  fallAhead: boolean;
  /** Of the run, that is done; null: it has no end. */
  part: number | null;
}

export interface Flattened {
  /** The gain now, what it comes to at most by the end, and what an even chance needs: nats a token, or shares of the sequences. */
  gain: number;
  reach: number;
  needed: number;
  by: Trial['by'];
}

/** So many evaluations in a row are looked at, and no fewer. */
export const WINDOW = 5;
/** One-sided 95%: of Student's t with WINDOW − 2 degrees of freedom, for the slope; of the normal distribution, for the sample. */
const SLOPE_T = 2.353;
const SAMPLE_Z = 1.645;

/**
 * The gain of the last `WINDOW` evaluations, all of them after the rate began to fall or in a run without an end, drawn on as a straight line to
 * the end of the run (without one: as far again as it has come): if the upper end of its slope, the sample's own error added, does not reach
 * what an even chance to win needs, then neither will the run. Null: it may, or it is too early to tell.
 */
export function flattened(points: readonly GainPoint[], trial: Trial): Flattened | null {
  const last = points.slice(-WINDOW);
  if (last.length < WINDOW || last.some(({ fallAhead }) => fallAhead)) return null;
  const values = last.map((point) => gainOf(point, trial));
  if (values.some((value) => value === null)) return null;
  const known = values as { gain: number; error: number }[];
  const { slope, slopeError, at } = lineOf(
    last.map(({ tokens }) => tokens),
    known.map(({ gain }) => gain),
  );
  const { tokens, part, sd } = last.at(-1)!;
  const left = part === null ? tokens : part > 0 ? (tokens * (1 - part)) / part : Number.POSITIVE_INFINITY;
  const needed = neededGain(trial, sd ?? 0);
  const rise = Math.max(0, slope + SLOPE_T * slopeError) * left;
  // A rate that is not known to be 0 reaches anything in an endless time.
  if (!Number.isFinite(rise)) return null;
  const reach = Math.max(at(tokens), known.at(-1)!.gain) + rise + SAMPLE_Z * known.at(-1)!.error;
  return reach < needed ? { gain: known.at(-1)!.gain, reach, needed, by: trial.by } : null;
}

/** What a true gain must be for an even chance to pass `trial`, of sequences whose gains scatter by `sd`. */
export const neededGain = (trial: Trial, sd: number): number =>
  trial.by === 'share' ? 0.5 : trial.threshold + (trial.sds * sd) / Math.sqrt(trial.n);

function gainOf({ sequences, mean, sd, won, lost }: GainPoint, { by }: Trial) {
  if (by === 'mean')
    return mean === null || sd === null ? null : { gain: mean, error: sd / Math.sqrt(sequences) };
  const decided = won + lost;
  if (decided === 0) return null;
  const share = won / decided;
  // Of none or all it would be 0, which is more than a sample can say.
  const spread = (won + 0.5) / (decided + 1);
  return { gain: share, error: Math.sqrt((spread * (1 - spread)) / decided) };
}

/** Least squares; the slope's standard error by what is left over. */
function lineOf(x: number[], y: number[]) {
  const n = x.length;
  const [mx, my] = [x, y].map((values) => values.reduce((sum, value) => sum + value, 0) / n) as [
    number,
    number,
  ];
  const sxx = x.reduce((sum, value) => sum + (value - mx) ** 2, 0);
  const slope = sxx === 0 ? 0 : x.reduce((sum, value, i) => sum + (value - mx) * (y[i]! - my), 0) / sxx;
  const at = (value: number) => my + slope * (value - mx);
  const rest = y.reduce((sum, value, i) => sum + (value - at(x[i]!)) ** 2, 0);
  return { slope, slopeError: sxx === 0 ? 0 : Math.sqrt(rest / (n - 2) / sxx), at };
}
