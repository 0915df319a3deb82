import { z } from 'zod';
import type { Detached, Happening } from '../jobs/index.ts';
import type { RunSummary } from '../training/types.ts';
import { count, loss, text } from './parts.ts';

const job = {
  run: text,
  runDir: text,
  state: z.enum(['running', 'done', 'cancelled', 'failed']),
  steps: count,
  bestLoss: loss.describe('Held-out loss, nats a token'),
  // Not `error`, which only a command that failed prints.
  cause: z.strictObject({ code: text, message: text }).nullable().describe('Why it ended'),
};

export const jobSchema = z.strictObject(job);

export function jobOutput({
  id,
  dir,
  state,
  steps,
  bestLoss,
  error,
}: RunSummary): z.output<typeof jobSchema> {
  return { run: id, runDir: dir, state, steps, bestLoss, cause: error };
}

export const detachedSchema = z.strictObject({
  run: text,
  runDir: text,
  pid: count.describe('Of the pt that trains it'),
  log: text.describe('What that pt prints'),
});

export const detachedOutput = (detached: Detached): z.output<typeof detachedSchema> => detached;

export const logLineSchema = z.strictObject({
  time: z.iso.datetime(),
  level: z.enum(['info', 'warning', 'error']),
  text,
});

export const logLine = ({ time, level, text }: Happening): z.output<typeof logLineSchema> => ({
  time: new Date(time * 1000).toISOString(),
  level,
  text,
});

export const logsSchema = z.strictObject({
  ...job,
  lines: z
    .array(logLineSchema)
    .nullable()
    .describe('Null with --follow, where each was an object before this one'),
});

export const logsOutput = (run: RunSummary, lines: Happening[] | null): z.output<typeof logsSchema> => ({
  ...jobOutput(run),
  lines: lines?.map(logLine) ?? null,
});
