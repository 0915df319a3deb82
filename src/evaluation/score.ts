/** Models scored on one sample: what `evaluate` and the duel of a run have in common. */
import { existsSync, statSync } from 'node:fs';
import { runPython } from '../check/index.ts';
import { CheckError, PtError, UserError } from '../errors.ts';
import type { Place } from '../place.ts';
import { type Work, warning } from '../progress.ts';
import { type Competition, competitionsAt, meantCompetition, type TaskRange } from '../rules/index.ts';
import type { Located } from './locate.ts';
import { lengthFor, seedAt, sequencesFor, shortOf, tasksOf, tokenizerFor } from './plan.ts';
import type { EvaluateRequest, Evaluation } from './types.ts';

/** One per-task part of a model's result from python/evaluate.py. */
export interface RawTask {
  losses: (number | null)[];
  sample: string;
  weight: number;
  /** Sequences that were found of what was to be kept in reserve. */
  reserved: number;
}

export interface RawModel {
  name: string;
  loss: number | null;
  reasonable: boolean | null;
  not_finite: number;
  tasks: RawTask[];
  error: { code: string; message: string } | null;
}

/** What a run's duel asks beside the rest. */
export interface KeptSample {
  /** Folder for the sequences. */
  dir: string;
  /** More sequences of each data set that are looked for, to confirm on. */
  reserve: number;
  /** Load the model although it does not look as if it fits. */
  ignoreMemory: boolean;
}

/** A text that nothing is trained on is used as a whole (`whole`), else what training holds out of it. */
type Asked = Omit<EvaluateRequest, 'models' | 'against' | 'block'>;

/** Scores `located` on the sample that `request` means. Throws as `evaluate` does. */
export async function* scoreOn(
  located: Located[],
  { block, competition }: { block: number; competition: Competition },
  request: Asked,
  place: Place,
  keep: KeptSample | null = null,
): Work<{ raw: RawModel[]; ranges: TaskRange[]; sample: Evaluation['sample'] }> {
  const facts = located.map((l) => l.facts);
  const { whole = false } = request;
  const tasks = tasksOf(competition, {
    data: request.data ?? [],
    pages: request.pages ?? null,
    sequences: sequencesFor(place.profile, request),
    skip: request.skip ?? 0,
    offline: place.offline,
  }).map((task) => ({ ...task, whole, reserve: keep?.reserve ?? 0 }));
  const live = place.profile.pretraining === null;
  // Elsewhere the tokenizer is the king's, which the challenger has to have kept.
  const tokenizer = live ? null : tokenizerFor(competition, place.tokenizers[competition.tokenizer], facts);
  const length = lengthFor(competition, request.sequenceLength ?? null, facts);
  const seed = request.seed ?? seedAt(block);
  if (live && (request.data ?? []).length === 0)
    yield warning(
      `The text that ${place.profileName} scores on is not known here: this is ${tasks.map((t) => t.data).join(', ')}. Name text like it with --data.`,
    );
  if (tokenizer === null && !live)
    yield warning(
      `${competition.tokenizer} does not fit every model: each is scored with its own tokenizer.`,
    );
  if (
    request.sequenceLength == null &&
    competition.sequence_length !== null &&
    length < competition.sequence_length
  )
    yield warning(
      `Scored on ${length} tokens: a model has no more positions. Validators take ${competition.sequence_length}.`,
    );
  const result = yield* runPython(
    'evaluate.py',
    {
      models: located.map(({ name, dir }) => ({ name, dir })),
      tasks,
      tokenizer,
      sequence_length: length,
      batch_size: 1,
      batches_limit: place.profile.pretraining?.batches_limit ?? null,
      seed,
      // An infinite loss for outputs that repeat is a rule of the pretraining releases.
      check_output: !live && keep === null,
      device: request.device ?? place.device,
      cache_dir: `${place.home}/cache`,
      offline: place.offline,
      hub_endpoint: place.hubEndpoint,
      text_column: request.textColumn ?? null,
      keep_sample: keep?.dir ?? null,
      ignore_memory: keep?.ignoreMemory ?? false,
    },
    place,
    request.signal,
  );
  const raw = result.models as RawModel[];
  const ranges = sharedSample(raw);
  const found = ranges.at(-1)?.end ?? 0;
  const short = shortOf(tasks, found);
  if (short !== null) yield warning(short);
  return {
    raw,
    ranges,
    sample: {
      batches: found,
      sequenceLength: length,
      tokenizer,
      data: tasks.map((t) => t.data),
      seed,
    },
  };
}

/** Where each task's batches lie. Throws `CheckError` when models were not scored on the same batches. */
function sharedSample(models: RawModel[]): TaskRange[] {
  const scored = models.filter((m) => m.error === null);
  const first = scored[0];
  if (!first) return [];
  const same = scored.every((m) => m.tasks.every((t, i) => t.sample === first.tasks[i]?.sample));
  if (!same)
    throw new CheckError(
      'evaluate.samples',
      'The models have different tokenizers, so their losses cannot be compared batch by batch.',
      { nextSteps: ['Score them one by one, or name models that share a tokenizer.'] },
    );
  let at = 0;
  return first.tasks.map(({ losses, weight }) => {
    const start = at;
    at += losses.length;
    return { start, end: at, weight };
  });
}

/** Whether an evaluation failed because its text has no sequences left. */
export const isTextOver = (error: unknown): boolean =>
  error instanceof PtError && error.code === 'trainer.data_too_short';

/** An empty file is said before anything about a model, which would hide it. */
export function refuseEmpty(data: string[], flag: 'data' | 'duel-data' = 'data'): void {
  const empty = data.find((name) => {
    const found = existsSync(name) ? statSync(name, { throwIfNoEntry: false }) : undefined;
    return found?.isFile() && found.size === 0;
  });
  if (empty !== undefined)
    throw new UserError('data.empty', `--${flag}: ${empty} is empty.`, {
      nextSteps: [
        `Name other data with --${flag}`,
        flag === 'data'
          ? '--data builtin   # the text that every machine has'
          : '--duel-data FILE   # text like what validators score on',
      ],
    });
}

/** The competition that the first model is in, or would be. Throws `UserError` `competition.unknown`. */
export function competitionOf(
  [first]: Pick<Located, 'facts'>[],
  block: number,
  { schedule, profile, competition: id }: Place,
): Competition {
  const wanted = { id, parameters: first?.facts.parameters ?? null };
  const { competition } = meantCompetition(competitionsAt(schedule, block, profile), wanted);
  if (competition !== null) return competition;
  throw new UserError('competition.unknown', `--competition ${id} does not exist at block ${block}.`, {
    nextSteps: [`pt competitions --block ${block}   # without --competition`],
  });
}
