import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { OutsideError, UserError } from '../errors.ts';
import { errorIn, startInBackground } from '../host/background.ts';
import { diskError } from '../host/disk-error.ts';
import { isAlive } from '../host/process.ts';
import { shellWord } from '../text/shell-word.ts';
import { alreadyRunning, isClaimed } from './claim.ts';
import { askBlock } from './rpc.ts';
import { readSandboxState, type SandboxState, stateFile } from './state.ts';

/** A sandbox that runs. */
export interface RunningSandbox
  extends Pick<SandboxState, 'chain' | 'hub' | 'netuid' | 'spec' | 'fork' | 'wallet' | 'plays' | 'pid'> {
  /** The chain's block; null: it does not answer. */
  block: number | null;
}

/** Making a king loads PyTorch, which takes its time on a cold disk. */
const START_MS = 60_000;
const START_WITH_KING_MS = 300_000;
const STOP_MS = 15_000;

export const logFile = (dir: string): string => join(dir, 'sandbox.log');

/** The sandbox of `dir`; null when none runs. */
export async function sandboxStatus(dir: string): Promise<RunningSandbox | null> {
  const state = readSandboxState(dir);
  if (state === null) return null;
  const { chain, hub, netuid, spec, fork, wallet, plays, pid } = state;
  return { chain, hub, netuid, spec, fork, block: await askBlock(chain), wallet, plays, pid };
}

/** Refuses flags of a start that the sandbox which runs already is not like; those not given agree with any. */
export function refuseOther(
  { chain, hub, spec, fork, plays }: SandboxState,
  asked: Partial<
    Record<'chain-port' | 'hub-port' | 'spec' | 'fork' | 'profile', string | number | undefined>
  >,
): void {
  const is = {
    'chain-port': new URL(chain).port,
    'hub-port': new URL(hub).port,
    spec,
    fork,
    profile: plays?.of,
  };
  const other = (Object.keys(is) as (keyof typeof is)[]).filter(
    (flag) => asked[flag] !== undefined && String(asked[flag]) !== String(is[flag]),
  );
  if (other.length === 0) return;
  const list = other.map((flag) => `--${flag} ${asked[flag]} (it has ${is[flag] ?? 'none'})`).join(', ');
  throw new UserError('sandbox.running', `The sandbox runs already, and without ${list}.`, {
    nextSteps: ['pt sandbox stop   # then start it again', 'pt sandbox status'],
  });
}

/**
 * Starts a sandbox as a process of its own that outlives this one, by running `command` (the same program in the foreground),
 * and waits until it serves. Its output goes to `sandbox.log`.
 */
export async function launchDetached(
  dir: string,
  command: string[],
  env: NodeJS.ProcessEnv,
  { makesKing = false } = {},
): Promise<SandboxState> {
  const { child, ended, printed } = startInBackground(command, { log: logFile(dir), cwd: dir, env });
  const deadline = performance.now() + (makesKing ? START_WITH_KING_MS : START_MS);
  while (performance.now() < deadline) {
    const state = readSandboxState(dir);
    if (state?.pid === child.pid) return state as SandboxState;
    if (await Promise.race([ended, sleep(50, false)])) break;
  }
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  throw failedStart(dir, printed);
}

/** A full disk takes no log either: found out by writing a block. */
function fullDisk(dir: string): Error | null {
  const probe = join(dir, `.probe-${process.pid}`);
  try {
    writeFileSync(probe, Buffer.alloc(4096));
    return null;
  } catch (error) {
    return diskError(error, dir) as Error;
  } finally {
    rmSync(probe, { force: true });
  }
}

/** The error that the child itself printed, when it did. */
function failedStart(dir: string, printed: () => string): Error {
  if (!existsSync(logFile(dir)))
    return new OutsideError(
      'sandbox.start_failed',
      `The sandbox did not start: ${dir} was reset meanwhile.`,
      {
        nextSteps: ['pt sandbox start --detach'],
      },
    );
  const told = errorIn(printed());
  if (told !== null) {
    const { code, message, nextSteps, exitCode } = told;
    return new UserError(code, message, { nextSteps, exitCode });
  }
  // Its last line may have found half a place.
  const full = fullDisk(dir);
  if (full) return full;
  // Lost against another start, and ended before it could say so.
  if (isClaimed(dir)) return alreadyRunning(dir);
  return new OutsideError('sandbox.start_failed', `The sandbox did not start; its log is ${logFile(dir)}.`, {
    nextSteps: [`tail ${shellWord(logFile(dir))}`, 'pt sandbox reset'],
  });
}

/** Stops the sandbox of `dir` and waits for its end; false when none ran. */
export async function stopSandbox(dir: string): Promise<boolean> {
  const state = readSandboxState(dir);
  if (!state) {
    rmSync(stateFile(dir), { force: true });
    return false;
  }
  const runs = () => isAlive(state.pid, state.identity);
  process.kill(state.pid, 'SIGTERM');
  const deadline = performance.now() + STOP_MS;
  while (runs() && performance.now() < deadline) await sleep(30);
  if (runs()) process.kill(state.pid, 'SIGKILL');
  while (runs() && performance.now() < deadline + STOP_MS) await sleep(30);
  rmSync(stateFile(dir), { force: true });
  return true;
}

/** Stops the sandbox and removes everything it kept: chain, repositories, wallet. */
export async function resetSandbox(dir: string): Promise<boolean> {
  const wasRunning = await stopSandbox(dir);
  rmSync(dir, { recursive: true, force: true });
  return wasRunning;
}
