/** `pt evaluate`: models on one sample, as validators score them, and what follows. */
import { existsSync, statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import type { Chain } from '../chain/types.ts';
import { blockFor, runPython } from '../check/index.ts';
import { CheckError, PtError, UserError } from '../errors.ts';
import { load, readSubnet } from '../load/index.ts';
import { inspectFolder, type ModelFacts } from '../model/index.ts';
import type { Place } from '../place.ts';
import type { Work } from '../progress.ts';
import {
  type Competition,
  competitionsAt,
  meantCompetition,
  parseRepoRef,
  type TaskRange,
  whyNoLoss,
} from '../rules/index.ts';
import { lengthFor, seedAt, sequencesFor, shortOf, tasksOf, tokenizerFor } from './plan.ts';
import type { EvaluateRequest, Evaluation, ModelRef } from './types.ts';
import { type Contestant, verdictOf } from './verdict.ts';

export const folderRef = (dir: string): ModelRef => ({
  kind: 'folder',
  name: basename(resolve(dir)),
  dir: resolve(dir),
});

/**
 * `best` or `king` (which it is) and a uid (`5`, `uid 5`) are the chain's, whatever folders there are (one of that name is `./king`); then an
 * existing folder, or a repository reference. Anything else is taken for a folder, which is then missing.
 */
export function parseModelRef(text: string): ModelRef {
  if (text === 'best' || text === 'king') return { kind: 'best', name: text };
  const uid = /^(?:uid ?)?(\d{1,5})$/.exec(text)?.[1];
  if (uid !== undefined) return { kind: 'uid', name: `uid ${uid}`, uid: Number(uid) };
  const ref = existsSync(text) ? null : parseRepoRef(text);
  return ref ? { kind: 'repo', name: text, ...ref } : folderRef(text);
}

/** One per-task part of a model's result from python/evaluate.py. */
interface RawTask {
  losses: (number | null)[];
  sample: string;
  weight: number;
}

interface RawModel {
  name: string;
  loss: number | null;
  reasonable: boolean | null;
  not_finite: number;
  tasks: RawTask[];
  error: { message: string } | null;
}

interface Located {
  ref: ModelRef;
  mine: boolean;
  name: string;
  dir: string;
  block: number | null;
  uid: number | null;
  facts: ModelFacts;
}

/** Throws `UserError` (2) for what is not there, `OutsideError` (5, 7) for chain, Hub and Python; a model that cannot be scored is in the result. */
export async function* evaluate(request: EvaluateRequest, place: Place): Work<Evaluation> {
  const { against = null } = request;
  refuseEmpty(request.data ?? []);
  const needsChain = [...request.models, against].some((m) => m?.kind === 'uid' || m?.kind === 'best');
  const chain = yield* openChain(request, place, needsChain);
  const located: Located[] = [];
  for (const ref of request.models)
    located.push(yield* locate(ref, true, { request, competition: place.competition }, place, chain));
  const { block } = blockFor(
    place.schedule,
    place.profile,
    request.block ?? null,
    chain ? await chain.block() : null,
  );
  const competition = competitionOf(located, block, place);
  if (against) {
    // What is to be beaten competes where the models do.
    const id = competition.id === null ? place.competition : String(competition.id);
    located.push(yield* locate(against, false, { request, competition: id }, place, chain));
  }
  return yield* scoreAll(distinct(located), { block, competition }, request, place);
}

/** An empty file is said before anything about a model, which would hide it. */
function refuseEmpty(data: string[]): void {
  const empty = data.find((name) => {
    const found = existsSync(name) ? statSync(name, { throwIfNoEntry: false }) : undefined;
    return found?.isFile() && found.size === 0;
  });
  if (empty !== undefined)
    throw new UserError('data.empty', `--data: ${empty} is empty.`, {
      nextSteps: ['Name other data with --data', '--data builtin   # the text that every machine has'],
    });
}

/** The competition that the first model is in, or would be. Throws `UserError` `competition.unknown`. */
function competitionOf(
  [first]: Located[],
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

async function* scoreAll(
  located: Located[],
  { block, competition }: { block: number; competition: Competition },
  request: EvaluateRequest,
  place: Place,
): Work<Evaluation> {
  const facts = located.map((l) => l.facts);
  const tasks = tasksOf(competition, {
    data: request.data ?? [],
    pages: request.pages ?? null,
    sequences: sequencesFor(place.profile, request),
    skip: request.skip ?? 0,
    offline: place.offline,
  });
  const live = place.profile.pretraining === null;
  // Elsewhere the tokenizer is the king's, which the challenger has to have kept.
  const tokenizer = live ? null : tokenizerFor(competition, place.tokenizers[competition.tokenizer], facts);
  const length = lengthFor(competition, request.sequenceLength ?? null, facts);
  const seed = request.seed ?? seedAt(block);
  if (live && (request.data ?? []).length === 0)
    yield {
      kind: 'note',
      level: 'warning',
      message: `The text that ${place.profileName} scores on is not known here: this is ${tasks.map((t) => t.data).join(', ')}. Name text like it with --data.`,
    };
  if (tokenizer === null && !live)
    yield {
      kind: 'note',
      level: 'warning',
      message: `${competition.tokenizer} does not fit every model: each is scored with its own tokenizer.`,
    };
  if (
    request.sequenceLength == null &&
    competition.sequence_length !== null &&
    length < competition.sequence_length
  )
    yield {
      kind: 'note',
      level: 'warning',
      message: `Scored on ${length} tokens: a model has no more positions. Validators take ${competition.sequence_length}.`,
    };
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
      check_output: !live,
      device: request.device ?? place.device,
      cache_dir: `${place.home}/cache`,
      offline: place.offline,
      hub_endpoint: place.hubEndpoint,
      text_column: request.textColumn ?? null,
    },
    place,
    request.signal,
  );
  const raw = result.models as RawModel[];
  const ranges = sharedSample(raw);
  const found = ranges.at(-1)?.end ?? 0;
  const short = shortOf(tasks, found);
  if (short !== null) yield { kind: 'note', level: 'warning', message: short };
  const contestants = located.map((l, i): Contestant => {
    const { tasks: parts, error, loss } = raw[i]!;
    // What validators cannot compute a loss of has lost, whatever it computes here.
    const noLoss = whyNoLoss(l.facts.architecture, place.profile);
    const why = error?.message ?? (noLoss === null ? null : `infinite loss: ${noLoss}`);
    return {
      name: l.name,
      dir: l.dir,
      // Ours could be committed in the next block at the earliest; what is to be beaten counts as there before it.
      block: l.block ?? (l.mine ? block + 1 : block),
      uid: l.uid,
      mine: l.mine,
      loss: noLoss === null ? loss : null,
      losses: why !== null ? null : parts.flatMap((t) => t.losses.map((loss) => loss ?? Number.NaN)),
      reasonable: raw[i]!.reasonable,
      notFinite: raw[i]!.not_finite,
      parameters: l.facts.parameters,
      error: why,
    };
  });
  return {
    ...verdictOf(contestants, ranges, competition, place.profile, block),
    block,
    profile: place.profileName,
    competition,
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

async function* openChain(request: EvaluateRequest, place: Place, needed: boolean): Work<Chain | null> {
  if (!place.reachable) {
    if (needed)
      throw new UserError('offline.refused', '--offline: models on the chain cannot be looked up.', {
        nextSteps: ['Leave out --offline, or name folders.'],
      });
    return null;
  }
  try {
    return await place.chain();
  } catch (error) {
    if (needed || !(error instanceof PtError)) throw error;
    yield {
      kind: 'note',
      level: 'warning',
      message: `No chain: ${error.message} ${request.block == null ? 'The newest rules of the schedule are used.' : ''}`,
    };
    return null;
  }
}

/** Where a model is on this machine, downloading it when it is not. */
async function* locate(
  ref: ModelRef,
  mine: boolean,
  { request, competition }: { request: EvaluateRequest; competition: string | null },
  place: Place,
  chain: Chain | null,
): Work<Located> {
  if (ref.kind === 'folder') {
    const facts = await inspectFolder(ref.dir, place.profile);
    return { ref, mine, name: ref.name, dir: ref.dir, block: null, uid: null, facts };
  }
  const outcome = yield* load(
    {
      source: ref,
      competition,
      ...(request.modelsDir === undefined ? {} : { modelsDir: request.modelsDir }),
      ...(request.signal ? { signal: request.signal } : {}),
    },
    place,
  );
  const miner =
    chain && outcome.uid !== null
      ? (await readSubnet(chain, place.netuid, place.profile)).miners.find((m) => m.uid === outcome.uid)
      : undefined;
  return {
    ref,
    mine,
    name: ref.kind === 'repo' ? ref.name : `uid ${outcome.uid} (${outcome.repo})`,
    dir: outcome.dir,
    block: miner?.block ?? null,
    uid: outcome.uid,
    facts: await inspectFolder(outcome.dir, place.profile),
  };
}

/** Every model once (what is to be beaten is not ours as well), under a name of its own. */
function distinct(located: Located[]): Located[] {
  const byDir = new Map<string, Located>();
  for (const l of located) byDir.set(l.dir, { ...l, mine: l.mine && (byDir.get(l.dir)?.mine ?? true) });
  const models = [...byDir.values()];
  return models.map((l) => {
    const clash = models.filter((o) => o.name === l.name).length > 1;
    return clash ? { ...l, name: l.dir } : l;
  });
}
