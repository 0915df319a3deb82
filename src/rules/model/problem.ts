import type { Finding } from '../types.ts';

/** A problem that refuses the model. */
export function problem(
  rule: string,
  message: string,
  actual: unknown = null,
  limit: unknown = null,
): Finding {
  return { rule, ok: false, actual, limit, message };
}

/** A problem with which validators take the model and give it no finite loss, or one that loses for certain. */
export function cannotScore(
  rule: string,
  message: string,
  actual: unknown = null,
  limit: unknown = null,
): Finding {
  return { rule, ok: false, verdict: 'cannot_score', actual, limit, message };
}

/** What decides and cannot be told from here; the message says why. */
export function cannotTell(
  rule: string,
  message: string,
  actual: unknown = null,
  limit: unknown = null,
): Finding {
  return { rule, ok: null, verdict: 'unknown', actual, limit, message };
}
