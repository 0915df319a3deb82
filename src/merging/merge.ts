import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { runPython } from '../check/index.ts';
import { UserError } from '../errors.ts';
import { evaluate, folderRef, type ScoredModel } from '../evaluation/index.ts';
import { diskError } from '../host/disk-error.ts';
import { freeSpace } from '../host/free-space.ts';
import { openFolder } from '../model/index.ts';
import type { Place } from '../place.ts';
import type { Work } from '../progress.ts';
import { formatBytes } from '../text/format.ts';
import { shellWord } from '../text/shell-word.ts';
import { mixtureName, mixturesOf } from './candidates.ts';
import { exportCheckpoints, filesOf, runOfModel } from './exports.ts';
import { greedySoup } from './greedy.ts';
import type { Candidate, MergeOutcome, MergeRequest, NamedModel } from './types.ts';

/** Of free space, what may be taken. */
const SHARE_OF_DISK = 0.95;

/** A model to score: given, or made in the workshop, from where the best is moved. */
interface Made {
  name: string;
  weights: number[];
  dir: string;
  made: boolean;
}

/**
 * Weighted means of models, scored beside them on one sample. The best of all is kept in `out`, unless it is a folder that was given:
 * a mixture, or a checkpoint by itself.
 *
 * @throws UserError `merge.out_exists`, `usage.weights`; `run.no_best`, `run.no_checkpoint`; `disk.full`; OutsideError `trainer.merge_differ` (7)
 */
export async function* mergeModels(request: MergeRequest, place: Place): Work<MergeOutcome> {
  const { models, out, score, signal } = request;
  const names = distinctNames(models);
  const mixtures = request.greedy ? [] : mixturesOf(models.length, request);
  const single = models.length === 1 && models[0]!.checkpoint !== null;
  if (models.length < 2 && !single)
    throw new UserError(
      'usage.models',
      `${names[0]} alone is no mixture: merging takes two models or more.`,
      {
        nextSteps: [
          `pt merge ${models.map(({ dir }) => shellWord(dir ?? '')).join(' ')} OTHER`,
          'pt merge RUN@.. --out OUT   # the checkpoints of a run',
        ],
      },
    );
  if (score === null && mixtures.length !== 1 && !single)
    throw new UserError(
      'usage.no_score',
      `--no-score: which of ${request.greedy ? 'the' : mixtures.length} mixtures is meant?`,
      { nextSteps: [`--weights ${models.map(() => (1 / models.length).toFixed(3)).join(',')}`] },
    );
  if (existsSync(out))
    throw new UserError('merge.out_exists', `--out: ${out} exists already.`, {
      nextSteps: ['Name a folder that does not exist.', `rm -r ${shellWord(out)}`],
    });
  for (const model of models) await openFolder(filesOf(model), place.profile);
  const checkpoints = models.filter(({ checkpoint }) => checkpoint !== null).length;
  const most = checkpoints + (request.greedy ? models.length - 1 : mixtures.length);
  const workshop = await openWorkshop(out, most * (await sizeOf(filesOf(models[0]!))));
  const tried: (Candidate & Made)[] = [];
  let sample: MergeOutcome['sample'] = null;
  const runs = [...new Set(models.map(runOfModel).filter((run) => run !== null))];
  try {
    const folders = yield* exportCheckpoints(models, workshop, place, signal);
    const make = (all: number[][]): Made[] => {
      const from = tried.length;
      return all.map((weights, i) => ({
        ...{ name: mixtureName(weights, names), weights, made: true },
        dir: join(workshop, `mixture-${from + i}`),
      }));
    };
    const write = (made: Made[]) => {
      const wanted = made.map(({ dir, weights }) => ({ out: dir, weights }));
      return runPython('merge.py', { folders, mixtures: wanted }, place, signal);
    };
    const weigh = async function* (all: Made[]): Work<void> {
      const refs = all.map(({ dir, name }) => ({ ...folderRef(dir), name }));
      const found = yield* evaluate({ models: refs, ...score!, signal }, place);
      sample = found.sample;
      const scores = new Map(found.models.map((model) => [model.dir, model]));
      for (const one of all) tried.push({ ...one, score: scores.get(one.dir) ?? null });
    };
    const alone: Made[] = models.map(({ checkpoint }, i) => ({
      ...{ name: names[i]!, weights: models.map((_, j) => (i === j ? 1 : 0)) },
      ...{ dir: folders[i]!, made: checkpoint !== null },
    }));
    if (score === null) {
      const only = single ? alone[0]! : make(mixtures)[0]!;
      if (!single) yield* write([only]);
      await rename(only.dir, out);
      const candidates = [{ name: only.name, weights: only.weights, score: null }];
      return { out, best: only.name, candidates, runs, sample };
    }
    if (request.greedy) {
      yield* weigh(alone);
      yield* greedySoup(
        tried.map(({ score: found }) => lossOf(found)),
        async function* (members) {
          const weights = models.map((_, i) => (members.includes(i) ? 1 / members.length : 0));
          const made = make([weights]);
          yield* write(made);
          yield* weigh(made);
          return lossOf(tried.at(-1)!.score);
        },
      );
    } else {
      const made = make(mixtures);
      if (made.length > 0) yield* write(made);
      yield* weigh([...alone, ...made]);
    }
    const best = bestOf(tried) as (typeof tried)[0];
    if (best.made) await rename(best.dir, out);
    const candidates = tried.map(({ name, weights, score: found }) => ({ name, weights, score: found }));
    return { out: best.made ? out : null, best: best.name, candidates, runs, sample };
  } finally {
    await rm(workshop, { recursive: true, force: true });
  }
}

const lossOf = (score: ScoredModel | null): number => score?.loss ?? Number.POSITIVE_INFINITY;

/** The lowest loss; of equal ones the first, so that a mixture must be better than the models. */
const bestOf = (candidates: Candidate[]): Candidate =>
  candidates.reduce((best, one) => (lossOf(one.score) < lossOf(best.score) ? one : best));

/** A folder beside `out`, so that the best is moved and not copied; gone at the end. */
async function openWorkshop(out: string, bytes: number): Promise<string> {
  const parent = dirname(out);
  try {
    await mkdir(parent, { recursive: true });
    const free = await freeSpace(parent);
    if (bytes > free * SHARE_OF_DISK)
      throw new UserError(
        'disk.full',
        `The mixtures need ${formatBytes(bytes)}, and ${parent} has ${formatBytes(free)} free.`,
        { nextSteps: ['Fewer mixtures: --grid 2, or --weights', `df -h ${shellWord(parent)}`] },
      );
    return await mkdtemp(join(parent, `.${basename(out)}.`));
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw diskError(error, parent);
  }
}

async function sizeOf(dir: string): Promise<number> {
  const files = (await readdir(dir)).filter((name) => name.endsWith('.safetensors'));
  const sizes = await Promise.all(files.map(async (name) => (await stat(join(dir, name))).size));
  return sizes.reduce((total, size) => total + size, 0);
}

/** Folders of runs are all called `best`: what stands above tells them apart. */
function distinctNames(models: NamedModel[]): string[] {
  const same = (one: string) => models.filter(({ name }) => name === one).length > 1;
  return models.map(({ name, dir }) =>
    same(name) && dir !== null ? `${basename(dirname(dir))}/${name}` : name,
  );
}
