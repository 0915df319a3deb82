import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../errors.ts';
import { note, type Work } from '../progress.ts';
import { LATEST, resumeCommand } from './run-folder.ts';
import { readState } from './run-state.ts';

/** Refuses what is no plain folder name, or has a meaning already. */
export function runName(name: string | undefined): string | null {
  if (name === undefined) return null;
  if (name === LATEST)
    throw new UserError('usage.run_name', `--run ${name}: that word means the newest run everywhere.`, {
      nextSteps: ['pt train --run my-run'],
    });
  if (/^[A-Za-z0-9][\w.-]{0,63}$/.test(name)) return name;
  throw new UserError('usage.run_name', `--run ${name}: use letters, digits, ".", "_" and "-", at most 64.`, {
    nextSteps: ['pt train --run my-run'],
  });
}

/** Whether the flags ask for more than this one machine; such a run must have a name. */
export function needsOthers(nnodes: string | undefined, name: string | null): boolean {
  if (nnodes === undefined || /^1(:1)?$/.test(nnodes)) return false;
  if (name !== null) return true;
  throw new UserError('usage.run_name', `--nnodes ${nnodes}: the machines have to agree on one run folder.`, {
    nextSteps: [
      '--run NAME, the same on every machine, with PT_HOME or --model-dir on storage that all of them see.',
    ],
  });
}

/**
 * The folder of a run that another machine is making at this moment: waits until its request is whole.
 *
 * @throws UserError `run.exists` when that run has ended, `run.gone` when the other machine gave up.
 */
export async function* joinRun(
  runsDir: string,
  name: string,
  signal: AbortSignal,
  home: string | null = null,
): Work<string> {
  const dir = join(runsDir, name);
  yield note(`Another machine made run ${name}; joining it.`);
  // state.json is written last.
  while (!existsSync(join(dir, 'state.json'))) {
    signal.throwIfAborted();
    if (!existsSync(dir)) {
      throw new UserError('run.gone', `The machine that began run ${name} gave it up.`, {
        nextSteps: ['Look at its messages, then start again on every machine.'],
      });
    }
    await sleep(200);
  }
  if ((await readState(dir))?.state === 'running') return dir;
  throw new UserError('run.exists', `Run ${basename(dir)} in ${runsDir} has ended.`, {
    nextSteps: [resumeCommand(dir, home), 'Give another --run NAME.'],
  });
}
