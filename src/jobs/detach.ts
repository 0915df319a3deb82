import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cancelled, type ErrorReport, OutsideError, PtError } from '../errors.ts';
import { diskError } from '../host/disk-error.ts';
import { isAlive } from '../host/process.ts';
import type { Work } from '../progress.ts';
import { readState } from '../training/index.ts';

const POLL_MS = 100;

export interface DetachOptions {
  /** The script and arguments of the `pt train` that is to go on by itself; it must train into `runDir`. */
  command: readonly string[];
  runDir: string;
  cwd: string;
  env: NodeJS.ProcessEnv;
  /** Ends the start, and with it the run. */
  signal: AbortSignal;
}

/** A run that goes on by itself. */
export interface Detached {
  run: string;
  runDir: string;
  pid: number;
  /** What its `pt train` prints. */
  log: string;
}

/**
 * Starts a `pt train` in a session of its own, which no terminal ends, and waits until its run is being trained: what is wrong with the order
 * is told here and not in a log. Its output goes to `pt.log` in the run folder.
 *
 * @throws the error that the started `pt train` ended with
 */
export async function* detach({ command, runDir, cwd, env, signal }: DetachOptions): Work<Detached> {
  const known = existsSync(runDir);
  const log = join(runDir, 'pt.log');
  // The folder of a new run is made by the one that checks the order; until then the output waits beside it.
  const waiting = known ? log : join(dirname(runDir), `.${basename(runDir)}.log`);
  const output = openLog(waiting);
  const child = spawn(process.execPath, [...command], {
    cwd,
    env,
    detached: true,
    stdio: ['ignore', output, output],
    windowsHide: true,
  });
  closeSync(output);
  const ended = new Promise<number | null>((settle) => {
    child.once('exit', (code) => settle(code));
    child.once('error', () => settle(null));
  });
  let exit: { code: number | null } | null = null;
  void ended.then((code) => {
    exit = { code };
  });
  try {
    for (;;) {
      const state = await readState(runDir);
      const mine = state !== null && state.pid === child.pid ? state : null;
      if (mine?.state === 'running' && isAlive(mine.pid, mine.pid_identity)) break;
      if (exit !== null) {
        if (mine !== null && mine.state !== 'failed') break;
        throw failure(waiting);
      }
      if (signal.aborted) throw new Cancelled('Stopped before the run began.');
      yield { kind: 'progress', phase: 'Starting', done: 0, unit: 'steps' };
      await sleep(POLL_MS);
    }
  } catch (error) {
    child.kill('SIGTERM');
    if (!known) rmSync(waiting, { force: true });
    throw error;
  }
  if (!known) renameSync(waiting, log);
  child.unref();
  yield* warningsIn(log);
  return { run: basename(runDir), runDir, pid: child.pid!, log };
}

function openLog(path: string): number {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    return openSync(path, 'a', 0o600);
  } catch (error) {
    throw diskError(error, path);
  }
}

/** What the started command said as its last word, with `--json`. */
function failure(log: string): PtError {
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
  try {
    const { error } = JSON.parse(lines.at(-1) ?? '') as { error: ErrorReport };
    return new Told(error);
  } catch {
    return new OutsideError('run.not_started', 'The run in the background ended before it began.', {
      nextSteps: ['The same command without --detach shows what happens.'],
    });
  }
}

/** An error that another `pt` reported: the same words, code and exit code. */
class Told extends PtError {
  constructor({ code, message, nextSteps, exitCode, ...details }: ErrorReport) {
    super(code, message, exitCode, { nextSteps, details });
  }
}

function* warningsIn(log: string): Generator<{ kind: 'note'; level: 'warning'; message: string }> {
  for (const line of readFileSync(log, 'utf8').split('\n')) {
    if (line.startsWith('Warning: '))
      yield { kind: 'note', level: 'warning', message: line.slice('Warning: '.length) };
  }
}
