import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { OutsideError, UserError } from '../errors.ts';
import { isLocked, lockHolder } from '../host/lock.ts';
import { isAlive } from '../host/process.ts';
import type { Work } from '../progress.ts';
import { lockFile, type RunSummary, readState, summariseRun } from '../training/index.ts';

const POLL_MS = 200;
/** Between the signal that asks and the one that kills: two of a kind that wait for a process are one to it. */
const APART_MS = 500;

export interface StopOptions {
  /** End at once, without a checkpoint. */
  now: boolean;
  /** How long the run may take to save. */
  seconds: number;
  signal: AbortSignal;
}

/**
 * Ends a run that a `pt` of this machine trains, as Ctrl-C there would: it saves first. A run that has ended already is left as it is.
 *
 * @throws UserError `run.elsewhere` when another machine trains it; OutsideError `run.still_running` when it takes too long
 */
export async function* stopRun(runDir: string, { now, seconds, signal }: StopOptions): Work<RunSummary> {
  const state = await readState(runDir);
  if (state === null || !isAlive(state.pid, state.pid_identity)) {
    if (isLocked(lockFile(runDir))) throw elsewhere(runDir);
    return summariseRun(runDir);
  }
  if (state.state !== 'running') return summariseRun(runDir);
  const { pid, pid_identity: identity } = state;
  process.kill(pid, 'SIGINT');
  if (now) {
    await sleep(APART_MS);
    if (isAlive(pid, identity)) process.kill(pid, 'SIGINT');
  }
  const phase = now ? 'Ending the run' : 'Stopping the run, which saves first';
  const until = performance.now() + seconds * 1000;
  while (isAlive(pid, identity)) {
    yield { kind: 'progress', phase, done: 0, unit: 'steps' };
    signal.throwIfAborted();
    if (performance.now() > until) throw stillRunning(runDir, pid, seconds);
    await sleep(POLL_MS);
  }
  return summariseRun(runDir);
}

function elsewhere(runDir: string): UserError {
  const pid = lockHolder(lockFile(runDir));
  const who = pid === null ? '' : ` (process ${pid} there)`;
  return new UserError('run.elsewhere', `Run ${basename(runDir)} is trained by another machine${who}.`, {
    nextSteps: [`On that machine: pt stop ${basename(runDir)}`],
  });
}

function stillRunning(runDir: string, pid: number, seconds: number): OutsideError {
  const id = basename(runDir);
  return new OutsideError(
    'run.still_running',
    `Run ${id} was asked to stop ${seconds} s ago, and process ${pid} still runs.`,
    {
      nextSteps: [
        `pt logs ${id}`,
        `pt stop ${id} --now   # without a checkpoint`,
        `tail ${join(runDir, 'trainer.log')}`,
      ],
    },
  );
}
