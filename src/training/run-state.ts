import { join } from 'node:path';
import { z } from 'zod';
import { UserError } from '../errors.ts';
import { isAlive } from '../host/process.ts';
import { readJson } from '../host/read-json.ts';
import { writeJson } from '../host/write-file.ts';
import type { Competition } from '../rules/types.ts';
import { shellWord } from '../text/shell-word.ts';
import type { Labels, PublishIntent, RunState } from './types.ts';

/** What `pt` wrote about a run and reads back: crashes, editors and other programs may have been there meanwhile. */

const text = z.string();
const flag = z.boolean().optional();

const INTENT = z
  .object({
    repo: text,
    threshold: z.number().nullable(),
    // Runs of an older pt say nothing of it.
    when: z.object({ pWin: z.number(), orEqual: z.boolean() }).nullish(),
    dtype: z.enum(['bf16', 'fp32']).nullable(),
    useHotkeyInHash: flag,
    makePublic: flag,
    fields: z.array(text).optional(),
  })
  .nullish();

/** What is not as it should be counts as not there; but what a run is meant for is not forgotten in silence (`intentOf`). */
const STATE = z.looseObject({
  id: text.catch(''),
  started_at: text.catch(''),
  ended_at: text.nullable().catch(null),
  state: z.enum(['running', 'done', 'cancelled', 'failed']).catch('failed'),
  pid: z.int().catch(0),
  pid_identity: text.nullish().catch(null),
  error: z.object({ code: text, message: text }).nullable().catch(null),
  intent: z.unknown(),
  started_from: z
    .union([z.literal('best'), z.int()])
    .nullish()
    .catch(null),
  published: z.unknown(),
  publications: z
    .array(z.looseObject({ at: text }))
    .optional()
    .catch(undefined),
  resumed_at: text.nullish().catch(null),
  seconds_before: z.number().nonnegative().optional().catch(undefined),
});

/** Whether a living `pt` of this machine trains the run, by what `state.json` says. */
export const isDriven = (state: RunState | null): boolean =>
  state?.state === 'running' && isAlive(state.pid, state.pid_identity);

/** `state.json`; null: there is none, or it is no object. */
export async function readState(runDir: string): Promise<RunState | null> {
  const { data } = STATE.safeParse(await readJson(join(runDir, 'state.json')));
  return data === undefined ? null : (data as RunState);
}

const LABELS = z.object({ tags: z.array(text).catch([]), note: text.nullable().catch(null) });
const labelsFile = (runDir: string) => join(runDir, 'labels.json');

/** What people call a run; nothing where that cannot be read. */
export async function readLabels(runDir: string): Promise<Labels> {
  return LABELS.safeParse(await readJson(labelsFile(runDir))).data ?? { tags: [], note: null };
}

export const writeLabels = (runDir: string, labels: Labels): Promise<void> =>
  writeJson(labelsFile(runDir), labels);

/**
 * What a run was meant for.
 *
 * @throws UserError `run.broken` when that cannot be read.
 */
export function intentOf(runDir: string, state: RunState | null): PublishIntent | null {
  const { data, error } = INTENT.safeParse(state?.intent);
  if (error === undefined) return data ? ({ ...data, when: data.when ?? null } as PublishIntent) : null;
  const file = join(runDir, 'state.json');
  const where = ['intent', ...(error.issues[0]?.path ?? [])].join('.');
  throw new UserError('run.broken', `${file}: where the run is published cannot be read (${where}).`, {
    nextSteps: [`Put "intent": null into ${shellWord(file)}, and give --hf-repo-id with --resume.`],
  });
}

/** The repository that the run of a model folder is published to, or was; null: none is known. */
export async function repoOf(runDir: string | null): Promise<string | null> {
  const state = runDir === null ? null : await readState(runDir);
  return (
    INTENT.safeParse(state?.intent).data?.repo ?? PUBLISHED.safeParse(state?.published).data?.repo ?? null
  );
}

const PUBLISHED = z.looseObject({ repo: text });

const COMPETITION = z.looseObject({
  id: z.union([z.int(), text]).nullable().catch(null),
  name: text.nullable().catch(null),
  max_model_parameters: z.number().catch(0),
  virtual: text.optional().catch(undefined),
});

/** The competition of a `run.json`, as far as it is compared and named. */
export const competitionOf = (value: unknown): Competition =>
  (COMPETITION.safeParse(value).data ?? COMPETITION.parse({})) as unknown as Competition;

const ROW = z.looseObject({
  key: text,
  value: z.union([text, z.number(), z.boolean(), z.null()]),
  origin: text,
  summary: text.catch(''),
});

/** `settings.json`: each setting with its origin, secrets masked; rows that are none are left out. */
export async function readSettings(runDir: string): Promise<z.output<typeof ROW>[]> {
  const rows = await readJson(join(runDir, 'settings.json'));
  return (Array.isArray(rows) ? rows : []).flatMap((row) => ROW.safeParse(row).data ?? []);
}
