import { existsSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { UserError } from '../errors.ts';
import { shellWord } from '../text/shell-word.ts';
import { type Asked, checkpointsOf, locateRun, readSource, runCalled } from '../training/index.ts';
import type { NamedModel } from './types.ts';

/** `RUN@best`, `RUN@start`, `RUN@STEP`, or `RUN@FIRST..LAST`, either end left out. */
const OF_RUN = /^(?<run>.+)@(?:(?<part>best|start)|(?<first>\d+)|(?<from>\d*)\.\.(?<to>\d*))$/;

/**
 * The models that are meant: folders, and of runs their best, their start and their checkpoints, a span of them as one each, oldest first.
 *
 * @throws UserError `run.*`, `merge.no_start`
 */
export async function namedModels(
  words: readonly string[],
  { runsDir, home }: { runsDir: string; home: string },
): Promise<NamedModel[]> {
  const found: NamedModel[] = [];
  for (const word of words) {
    const dir = resolve(word);
    const { run, part, first, from, to } = (isFolder(dir) ? null : OF_RUN.exec(word))?.groups ?? {};
    if (run === undefined) {
      found.push({ name: basename(dir), dir, checkpoint: null });
      continue;
    }
    const runDir = await locateRun(runsDir, run, word);
    const name = (what: string | number) => `${basename(runDir)}@${what}`;
    if (part === 'best') found.push({ name: name(part), dir: join(runDir, 'best'), checkpoint: null });
    else if (part === 'start')
      found.push({ name: name(part), dir: await startOf(runDir, word), checkpoint: null });
    else {
      const asked = askedAs(word, runCalled(runDir, home));
      const steps = await checkpointsOf(runDir, asked, Number(first ?? from), lastOf(first ?? to));
      for (const step of steps)
        found.push({ name: name(step), dir: null, checkpoint: { runDir, step, asked } });
    }
  }
  return found;
}

const isFolder = (dir: string): boolean => existsSync(dir) && statSync(dir).isDirectory();

/** Where a span ends; without an end it goes to the newest. */
const lastOf = (typed: string | undefined): number =>
  typed === undefined || typed === '' ? Number.POSITIVE_INFINITY : Number(typed);

const askedAs = (word: string, run: string): Asked => ({
  asked: word,
  id: shellWord(run),
  command: (step) => `pt merge ${shellWord(`${run}@${step ?? '..'}`)} --out OUT`,
});

/** The model that a run began with. */
async function startOf(runDir: string, word: string): Promise<string> {
  const { kind, path } = await readSource(runDir);
  if (kind === 'model_dir' && path !== null) return path;
  const run = basename(runDir);
  throw new UserError(
    'merge.no_start',
    kind === 'model_file'
      ? `${word}: run ${run} began with the file ${path}, not with a model folder.`
      : `${word}: run ${run} began with random numbers, which are nothing to go back to.`,
    {
      nextSteps:
        kind === 'model_file'
          ? ['Name the folder of a model with those weights.']
          : [`pt merge ${shellWord(`${run}@..`)} --out OUT   # its checkpoints`],
    },
  );
}
