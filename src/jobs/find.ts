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
  const running = (await listRuns(runsDir)).filter(({ state }) => state === 'running');
  const [only, ...others] = running;
  if (only === undefined)
    throw new UserError('run.none_running', `No run in ${runsDir} is being trained.`, {
      nextSteps: ['pt runs', 'pt train --resume   # goes on with the newest'],
    });
  if (others.length > 0)
    throw new UserError('run.several', `${running.length} runs are being trained: name one.`, {
      nextSteps: running.map(({ dir }) => `${command} ${basename(dir)}`),
    });
  return only.dir;
}
