import { basename } from 'node:path';
import { z } from 'zod';
import type { CheckVerdict } from '../check/types.ts';
import type { Removable } from '../jobs/index.ts';
import type { Labels, RunSummary } from '../training/types.ts';
import { count, listed, loss, runDuel, text, verdict } from './parts.ts';
import { uploadSchema } from './upload.ts';

const run = z.strictObject({
  id: text,
  dir: text,
  startedAt: text.describe('ISO time; empty when the run does not say'),
  endedAt: text.nullable().describe('ISO time; null while it is being trained'),
  state: z.enum(['running', 'done', 'cancelled', 'failed']),
  recipe: text.nullable(),
  seconds: z.number().nonnegative().describe('Trained, over all its starts'),
  steps: count,
  totalSteps: count.nullable().describe('Null: without an end, or ended by the clock'),
  loss: loss.describe('Of the newest step, nats a token'),
  bestLoss: loss.describe('Held-out loss, nats a token'),
  pWin: z.number().nullable().describe('Chance to win: of its duel, else of its last forecast'),
  duel: runDuel.nullable().describe('Of the best model, else the newest; null: no --against'),
  published: uploadSchema.nullable().describe('As `pt upload` printed it'),
  tags: z.array(text),
  note: text.nullable(),
});

export const runsSchema = z.strictObject({ runs: z.array(run).describe('Newest first') });

export function runsOutput(runs: (RunSummary & { pWin: number | null })[]): z.output<typeof runsSchema> {
  return {
    runs: runs.map(({ labels, error: _, published, duel, ...run }) => ({
      ...run,
      duel: duel && listed(runDuel, duel),
      ...labels,
      published: uploadOf(published),
    })),
  };
}

/** What a run's `state.json`, which anybody can edit, says of its publish; null when that is none of ours. */
function uploadOf(value: unknown) {
  const { seal, ...rest } = (value ?? {}) as { seal?: object | null };
  // Older versions wrote no pin, and not whether a seal was late.
  const whole = { pin: null, ...rest, seal: seal && { late: null, ...seal } };
  return uploadSchema.strip().safeParse(whole).data ?? null;
}

const removed = z.strictObject({
  run: text,
  runDir: text,
  state: run.shape.state,
  bytes: count,
  published: text.nullable().describe('Repository of its last publish'),
});

export const removedSchema = z.strictObject({
  dryRun: z.boolean(),
  freed: count.describe('Bytes; with dryRun those that would be'),
  runs: z.array(removed),
});

export const removedOutput = (
  runs: readonly Removable[],
  dryRun: boolean,
): z.output<typeof removedSchema> => ({
  dryRun,
  freed: runs.reduce((sum, { bytes }) => sum + bytes, 0),
  runs: runs.map(({ run, dir, state, bytes, published }) => ({ run, runDir: dir, state, bytes, published })),
});

export const labelsSchema = z.strictObject({
  run: text,
  runDir: text,
  tags: z.array(text),
  note: text.nullable(),
});

export const labelsOutput = (runDir: string, labels: Labels): z.output<typeof labelsSchema> => ({
  run: basename(runDir),
  runDir,
  ...labels,
});

const shownRun = z.strictObject({ run: text, runDir: text, state: run.shape.state });

export const reportSchema = z.strictObject({
  file: text,
  bytes: count,
  run: text.nullable().describe('The first; null: the page is of what `pt merge` wrote'),
  state: run.shape.state.nullable().describe('Of the first'),
  runs: z.array(shownRun).describe('All, in the order of the page'),
  accepted: z
    .boolean()
    .nullable()
    .describe('Whether validators would take the best model; null: not looked at, or of several runs'),
  verdict: verdict
    .nullable()
    .describe('What `pt check` would say of the best model; null: not looked at, or of several runs'),
});

export const reportOutput = (
  file: string,
  bytes: number,
  reports: { id: string; dir: string; status: RunSummary['state'] }[],
  check: CheckVerdict | null,
): z.output<typeof reportSchema> => ({
  file,
  bytes,
  run: reports[0]?.id ?? null,
  state: reports[0]?.status ?? null,
  runs: reports.map(({ id, dir, status }) => ({ run: id, runDir: dir, state: status })),
  accepted: check?.accepted ?? null,
  verdict: check?.verdict ?? null,
});

export const dashboardSchema = z.strictObject({
  url: text.describe('Where the page was'),
  runs: z.array(z.strictObject({ run: text, runDir: text })),
});

export const dashboardOutput = (url: string, runDirs: string[]): z.output<typeof dashboardSchema> => ({
  url,
  runs: runDirs.map((dir) => ({ run: basename(dir), runDir: dir })),
});
