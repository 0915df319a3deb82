import { z } from 'zod';
import type { RunSummary } from '../training/types.ts';
import { count, loss, text, verdict } from './parts.ts';
import { uploadSchema } from './upload.ts';

const run = z.strictObject({
  id: text,
  dir: text,
  startedAt: text.describe('ISO time; empty when the run does not say'),
  state: z.enum(['running', 'done', 'cancelled', 'failed']),
  steps: count,
  bestLoss: loss.describe('Held-out loss, nats a token'),
  published: uploadSchema.nullable().describe('As `pt upload` printed it'),
});

export const runsSchema = z.strictObject({ runs: z.array(run).describe('Newest first') });

export function runsOutput(runs: RunSummary[]): z.output<typeof runsSchema> {
  return {
    runs: runs.map(({ id, dir, startedAt, state, steps, bestLoss, published }) => ({
      id,
      dir,
      startedAt,
      state,
      steps,
      bestLoss,
      published: uploadOf(published),
    })),
  };
}

/** What a run's `state.json`, which anybody can edit, says of its publish; null when that is none of ours. */
const uploadOf = (value: unknown) => uploadSchema.strip().safeParse(value).data ?? null;

export const reportSchema = z.strictObject({
  file: text,
  bytes: count,
  run: text,
  state: run.shape.state,
  accepted: z
    .boolean()
    .nullable()
    .describe('Whether validators would take the best model; null: not looked at'),
  verdict: verdict.nullable().describe('What `pt check` would say of the best model; null: not looked at'),
});
