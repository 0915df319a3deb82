import { basename } from 'node:path';
import { UserError } from '../errors.ts';
import { listRuns, locateRun } from '../training/index.ts';

/**
 * The folder of the run that is meant: by name, by the beginning of one, or by folder; with none named, the one that is being trained.
 *
 * @throws UserError `run.unknown`, `run.none_running`, or `run.several` when several are being trained
 */
export async function runningRun(runsDir: string, name: string | null, command: string): Promise<string> {
  if (name !== null) return locateRun(runsDir, name, command);
  const runs = await listRuns(runsDir);
  const running = runs.filter(({ state }) => state === 'running');
  const [only, ...others] = running;
  if (only === undefined) {
    const [newest] = runs;
    const goOn = newest && newest.state !== 'done' ? ['pt train --resume   # goes on with the newest'] : [];
    throw new UserError('run.none_running', `No run in ${runsDir} is being trained.`, {
      nextSteps: newest ? ['pt runs', ...goOn] : ['pt train --offline --detach'],
    });
  }
  if (others.length > 0)
    throw new UserError('run.several', `${running.length} runs are being trained: name one.`, {
      nextSteps: running.map(({ dir }) => `${command} ${basename(dir)}`),
    });
  return only.dir;
}

/** On one page; more colours, dashes and marks than these nobody tells apart. */
const MOST = 20;

/**
 * The folders of the runs that are meant, each once, in the order they were named.
 *
 * @throws UserError `run.unknown`, `run.none`, or `run.too_many`
 */
export async function namedRuns(runsDir: string, names: string[]): Promise<string[]> {
  const dirs: string[] = [];
  for (const name of names) {
    const dir = await locateRun(runsDir, name, 'RUN');
    if (!dirs.includes(dir)) dirs.push(dir);
  }
  if (dirs.length > MOST)
    throw new UserError('run.too_many', `A page shows up to ${MOST} runs; these are ${dirs.length}.`, {
      nextSteps: ['Name fewer.', 'pt runs'],
    });
  return dirs;
}

/** The runs that are being trained, newest first; where none is, the newest run. */
export async function watchedRuns(runsDir: string): Promise<string[]> {
  const running = (await listRuns(runsDir)).filter(({ state }) => state === 'running');
  return namedRuns(runsDir, running.length === 0 ? ['latest'] : running.map(({ dir }) => dir));
}
