/** What several outputs have in common. */
import { z } from 'zod';

export const text = z.string();
export const count = z.int().nonnegative();
export const commit = z.string().regex(/^[0-9a-f]{40}$/);
export const loss = z.number().nullable().describe('Nats a token; null: none, or not finite');

export const verdict = z
  .enum(['ready', 'cannot_score', 'refused', 'unknown'])
  .describe('cannot_score: taken, but its loss is infinite or it loses for certain; unknown: pt cannot tell');

export const finding = z.strictObject({
  rule: text,
  ok: z.boolean().nullable().describe('Null: could not be looked at, or advice; the message says which'),
  verdict: z
    .enum(['refused', 'cannot_score', 'unknown'])
    .nullable()
    .describe('What it says against the model; null: nothing'),
  actual: z.unknown(),
  limit: z.unknown(),
  message: text,
});

/** What a run's duel came to at one evaluation. */
export const runDuel = z.strictObject({
  step: count,
  king: text,
  sequences: count,
  mean: z.number().nullable().describe('Gain over what the king asks, nats a token; null: not finite'),
  p: z.number().min(0).max(1).describe('p(win) on fresh sequences of this text'),
  low: z.number().describe('95% interval of p'),
  high: z.number(),
  more: count.nullable().describe('More sequences that would settle it; 0: settled; null: no number would'),
});

/** Of `value` what the schema lists: its fields stand there alone. */
export function listed<Fields extends z.ZodRawShape>(
  schema: z.ZodObject<Fields>,
  value: z.output<z.ZodObject<Fields>>,
): z.output<z.ZodObject<Fields>> {
  const all = value as Record<string, unknown>;
  return Object.fromEntries(Object.keys(schema.shape).map((name) => [name, all[name]])) as typeof value;
}
