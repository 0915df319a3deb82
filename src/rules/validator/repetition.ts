/** The check that sample generations are not degenerate; a model that fails it scores infinity. */

/** Tokens generated after each of two prompts of `PROMPT_TOKENS` tokens (the start of the first two batches). */
export const OUTPUT_TOKENS = 20;
export const PROMPT_TOKENS = 100;

/** Refused: both outputs agree at half or more of the positions, or one token makes up more than half of each. */
export function isReasonable(first: number[], second: number[]): boolean {
  const half = OUTPUT_TOKENS / 2;
  const equal = first.filter((token, i) => token === second[i]).length;
  return equal < half && !(mostCommon(first) > half && mostCommon(second) > half);
}

function mostCommon(tokens: number[]): number {
  const counts = new Map<number, number>();
  for (const token of tokens) counts.set(token, (counts.get(token) ?? 0) + 1);
  return Math.max(0, ...counts.values());
}
