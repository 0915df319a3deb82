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
import { greedySoup } from './greedy.ts';
import type { Candidate, MergeOutcome, MergeRequest } from './types.ts';

/** Of free space, what may be taken. */
const SHARE_OF_DISK = 0.95;

/**
 * Weighted means of models that go back to the same one, scored beside them on one sample; the best mixture is kept in `out`, if it is
 * better than every model it is made of.
 *
 * @throws UserError `merge.out_exists`, `usage.weights`; `disk.full`; OutsideError `trainer.merge_differ` (7)
 */
export async function* mergeModels(request: MergeRequest, place: Place): Work<MergeOutcome> {
  const { models, out, score, signal } = request;
  if (models.length < 2)
    throw new UserError(
      'usage.models',
      `${models[0]?.dir} alone is no mixture: merging takes two models or more.`,
      {
        nextSteps: [`pt merge ${models.map(({ dir }) => shellWord(dir)).join(' ')} OTHER`],
      },
    );
  const names = distinctNames(models);
  const mixtures = request.greedy ? [] : mixturesOf(models.length, request);
  if (score === null && mixtures.length !== 1)
    throw new UserError(
      'usage.no_score',
      `--no-score: which of ${request.greedy ? 'the' : mixtures.length} mixtures is meant?`,
      { nextSteps: [`--weights ${models.map(() => (1 / models.length).toFixed(3)).join(',')}`] },
    );
  if (existsSync(out))
    throw new UserError('merge.out_exists', `--out: ${out} exists already.`, {
      nextSteps: ['Name a folder that does not exist.', `rm -r ${shellWord(out)}`],
    });
  for (const { dir } of models) await openFolder(dir, place.profile);
  const most = request.greedy ? models.length - 1 : mixtures.length;
  const workshop = await openWorkshop(out, most * (await sizeOf(models[0]!.dir)));
  const folders = models.map(({ dir }) => dir);
  const tried: (Candidate & { dir: string; made: boolean })[] = [];
  const make = (all: number[][]) => {
    const from = tried.length;
    return all.map((weights, i) => ({
      ...{ name: mixtureName(weights, names), weights, made: true },
      dir: join(workshop, String(from + i)),
    }));
  };
  const write = (made: { dir: string; weights: number[] }[]) => {
    const wanted = made.map(({ dir, weights }) => ({ out: dir, weights }));
    return runPython('merge.py', { folders, mixtures: wanted }, place, signal);
  };
  const weigh = async function* (all: Omit<(typeof tried)[0], 'score'>[]): Work<void> {
    const refs = all.map(({ dir, name }) => ({ ...folderRef(dir), name }));
    const { models: scored } = yield* evaluate({ models: refs, ...score!, signal }, place);
    const scores = new Map(scored.map((model) => [model.dir, model]));
    for (const one of all) tried.push({ ...one, score: scores.get(one.dir) ?? null });
  };
  try {
    if (score === null) {
      const [only] = make(mixtures) as [ReturnType<typeof make>[0]];
      yield* write([only]);
      await rename(only.dir, out);
      return { out, best: only.name, candidates: [{ name: only.name, weights: only.weights, score: null }] };
    }
    const alone = models.map(({ dir }, i) => ({
      ...{ name: names[i]!, weights: models.map((_, j) => (i === j ? 1 : 0)) },
      ...{ dir, made: false },
    }));
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
      yield* write(made);
      yield* weigh([...alone, ...made]);
    }
    const best = bestOf(tried) as (typeof tried)[0];
    if (best.made) await rename(best.dir, out);
    const candidates = tried.map(({ name, weights, score: found }) => ({ name, weights, score: found }));
    return { out: best.made ? out : null, best: best.name, candidates };
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
function distinctNames(models: MergeRequest['models']): string[] {
  const same = (one: string) => models.filter(({ name }) => name === one).length > 1;
  return models.map(({ name, dir }) => (same(name) ? `${basename(dirname(dir))}/${name}` : name));
}
