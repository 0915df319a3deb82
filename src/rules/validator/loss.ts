/** Next-token cross-entropy as validators compute it, on plain numbers (the real models run in Python). */

/**
 * Mean over all positions of a batch, nats. `logits` is [batch][position][vocabulary], `tokens` [batch][position].
 * With `padTokenId` (unpacked rows) every label that follows a padding label is ignored.
 */
export function crossEntropy(
  logits: number[][][],
  tokens: number[][],
  padTokenId: number | null = null,
): number {
  let sum = 0;
  let count = 0;
  for (const [row, labels] of tokens.entries())
    for (let at = 1; at < labels.length; at++) {
      if (padTokenId !== null && at > 1 && labels[at - 1] === padTokenId) continue;
      sum += nll(logits[row]![at - 1]!, labels[at]!);
      count++;
    }
  return sum / count;
}

function nll(logits: number[], label: number): number {
  const top = logits.reduce((most, x) => Math.max(most, x), Number.NEGATIVE_INFINITY);
  const total = logits.reduce((sum, x) => sum + Math.exp(x - top), 0);
  return Math.log(total) + top - logits[label]!;
}

/** A task's raw score on the scale that `6.0` weighs and adds. `ceiling` belongs to INVERSE_EXPONENTIAL. */
export function normaliseScore(score: number, method: string, ceiling: number | null): number {
  if (method === 'NONE') return score;
  if (method === 'INVERSE_EXPONENTIAL' && ceiling !== null)
    return score >= ceiling ? 1 : (1 - Math.exp(-score / ceiling)) / (1 - Math.exp(-1));
  throw new RangeError(`unknown score normalisation ${method}`);
}
