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
