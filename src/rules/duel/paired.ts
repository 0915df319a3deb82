/** Duels of paired losses: the bound of a bootstrap must be above a threshold. */
import { defaultRng, meanOf, quantileOf } from './numpy.ts';

export interface PairedRule {
  alpha: number;
  /** The bound must be above it. */
  delta: number;
  B: number;
  seed: number | bigint;
}

export interface PairedVerdict {
  wins: boolean;
  /** Mean of king − challenger, a sequence. */
  mean: number;
  bound: number;
  n: number;
}

/**
 * The mean of king − challenger over resamples of the sequences; its `alpha` quantile must be above `delta` (Teutonic, `bootstrap_verdict`).
 * Bit for bit what numpy gives. Throws `RangeError` for none, or unpaired ones.
 */
export function pairedDuel(
  king: ArrayLike<number>,
  challenger: ArrayLike<number>,
  rule: PairedRule,
): PairedVerdict {
  if (king.length !== challenger.length || king.length === 0) throw new RangeError('losses are not paired');
  const diff = Float64Array.from(king, (loss, i) => loss - challenger[i]!);
  const n = diff.length;
  const rng = defaultRng(rule.seed);
  const drawn = new Uint32Array(n);
  const sample = new Float64Array(n);
  const means = new Float64Array(rule.B);
  for (let b = 0; b < rule.B; b++) {
    rng.integers(n, drawn);
    for (let i = 0; i < n; i++) sample[i] = diff[drawn[i]!]!;
    means[b] = meanOf(sample);
  }
  const bound = quantileOf(means, rule.alpha);
  return { wins: bound > rule.delta, mean: meanOf(diff), bound, n };
}
