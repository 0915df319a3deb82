import { existsSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cancelled, type ErrorReport, OutsideError, PtError } from '../errors.ts';
import { errorIn, startInBackground } from '../host/background.ts';
import { type Work, warning } from '../progress.ts';
import { isDriven, readState } from '../training/index.ts';

const POLL_MS = 100;
const WARNING = 'Warning: ';

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
  const program = [process.execPath, ...command];
  const { child, ended, printed } = startInBackground(program, { log: waiting, cwd, env });
  let over = false;
  void ended.then(() => {
    over = true;
  });
  try {
    for (;;) {
      const state = await readState(runDir);
      const mine = state !== null && state.pid === child.pid ? state : null;
      if (isDriven(mine)) break;
      if (over) {
        if (mine !== null && mine.state !== 'failed') break;
        throw failure(printed());
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
  const said = printed();
  if (!known) renameSync(waiting, log);
  for (const line of said.split('\n'))
    if (line.startsWith(WARNING)) yield warning(line.slice(WARNING.length));
  return { run: basename(runDir), runDir, pid: child.pid!, log };
}

/** What the started command said as its last word, with `--json`. */
function failure(printed: string): PtError {
  const told = errorIn(printed);
  if (told !== null) return new Told(told);
  return new OutsideError('run.not_started', 'The run in the background ended before it began.', {
    nextSteps: ['The same command without --detach   # to see what happens'],
  });
}

/** An error that another `pt` reported: the same words, code and exit code. */
class Told extends PtError {
  constructor({ code, message, nextSteps, exitCode, ...details }: ErrorReport) {
    super(code, message, exitCode, { nextSteps, details });
  }
}
