import { existsSync } from 'node:fs';
import { basename, isAbsolute, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cancelled, EXIT, OutsideError, UserError } from '../errors.ts';
import { knowEnvironment, secretVariables } from '../secret.ts';
import { shellWord } from '../text/shell-word.ts';
import { type Controller, startController } from './controller.ts';
import { type EventOf, readEvent, type TrainerEvent } from './events.ts';
import { failureOf, type ProcessEnd } from './failure.ts';
import { PYTHON_FOLDER } from './paths.ts';
import type { Trainer, TrainerEnd, TrainerRequest } from './types.ts';

const HANG_SECONDS = 120;
const START_SECONDS = 300;
/** After a kill, only a process inside the kernel can still be there. */
const KILL_SECONDS = 15;

let controller: Promise<Controller> | undefined;
let users = 0;

/** The one controller, started for the first user. Everyone who takes it gives it back with `release`. */
async function acquire(python: string, has: { secrets: boolean }): Promise<Controller> {
  if (users === 0) await closeBridge();
  controller ??= startController(python, has);
  users += 1;
  try {
    const running = await controller;
    if (running.python !== python)
      throw new Error(`the bridge runs ${running.python} already; ${python} must wait for its end`);
    return running;
  } catch (error) {
    await release();
    throw error;
  }
}

async function release(): Promise<void> {
  users -= 1;
  if (users === 0) await closeBridge();
}

/** Ends the Python side, with whatever trainer still runs. Happens by itself after the last trainer; calling it again is harmless. */
export async function closeBridge(): Promise<void> {
  const closing = controller;
  controller = undefined;
  if (closing)
    await closing.then(
      (running) => running.stop(),
      () => {},
    );
}

interface Started {
  id: number;
  offset: number;
  log_offset: number;
}

interface Polled {
  lines: string;
  offset: number;
  exit: ProcessEnd | null;
}

/**
 * Starts a trainer (or another script with the same contract, docs/run-folder.md) and follows it.
 * @throws OutsideError (exit 7) `python.broken`, `bridge.*`; UserError `trainer.missing_file`
 */
export async function startTrainer(request: TrainerRequest): Promise<Trainer> {
  const name = request.script ?? 'train.py';
  const script = isAbsolute(name) ? name : join(PYTHON_FOLDER, name);
  for (const [what, path] of [
    ['The script', script],
    ['The configuration', request.config],
    ['The run folder', request.runDir],
  ] as const) {
    if (!existsSync(path)) throw missingFile(what, path);
  }
  knowEnvironment({ ...process.env, ...request.env });
  const running = await acquire(request.python.python, { secrets: request.env !== null });
  try {
    const started = await running.call<Started>('start', {
      script,
      config: request.config,
      run_dir: request.runDir,
      cwd: process.cwd(),
      processes: request.gpus ?? 1,
      distributed: distributedOf(request),
      env: request.env ?? {},
      // A controller that was started for another may hold them.
      unset: request.env === null ? secretVariables(process.env) : [],
    });
    return follow(running, started, request, basename(script));
  } catch (error) {
    await release();
    throw error;
  }
}

/** Options of torch.distributed.run for a run over several nodes; null for one node. */
function distributedOf(request: TrainerRequest): Record<string, string | number> | null {
  const { nnodes, rdzvEndpoint, nodeRank, maxRestarts } = request;
  if (nnodes === undefined && rdzvEndpoint === undefined) return null;
  return {
    nnodes: nnodes ?? '1',
    rdzv_backend: 'c10d',
    ...(rdzvEndpoint !== undefined && { rdzv_endpoint: rdzvEndpoint }),
    ...(nodeRank !== undefined && { node_rank: nodeRank }),
    max_restarts: maxRestarts ?? 0,
  };
}

function follow(running: Controller, started: Started, request: TrainerRequest, script: string): Trainer {
  const { id } = started;
  let asked = 0;
  let killedAt = 0;

  async function cancel(): Promise<void> {
    asked += 1;
    if (asked > 2) return;
    if (asked === 2) killedAt = performance.now();
    try {
      await running.call('signal_trainer', { id, how: asked === 1 ? 'interrupt' : 'kill' });
    } catch {
      // The controller is gone, and with it the trainer: `events` says so.
    }
  }

  async function* events(): AsyncGenerator<TrainerEvent, TrainerEnd, void> {
    let { offset } = started;
    let error: EventOf<'error'> | undefined;
    let done: EventOf<'done'> | undefined;
    let result: EventOf<'result'> | undefined;
    let silence = 0;
    let limit = request.startSeconds ?? Math.max(START_SECONDS, request.hangSeconds ?? 0);
    // Events come from rank 0; on another node there may never be one.
    const silentNode = request.nnodes !== undefined && request.nnodes !== '1';
    let end: ProcessEnd | null = null;
    try {
      while (end === null) {
        const before = performance.now();
        const polled = await running.call<Polled>('poll', { id, offset, wait: 0.1 });
        ({ offset, exit: end } = polled);
        const batch = polled.lines.split('\n').flatMap((line) => readEvent(line) ?? []);
        for (const event of batch) {
          if (event.type === 'error') error = event;
          if (event.type === 'done') done = event;
          if (event.type === 'result') result = event;
          yield event;
        }
        if (batch.length > 0) {
          silence = 0;
          limit = request.hangSeconds ?? HANG_SECONDS;
          await sleep(50);
        } else {
          // A poll of a machine that slept or a `pt` that was stopped (Ctrl-Z) counts as one poll, not as the trainer's silence.
          silence += Math.min(1, (performance.now() - before) / 1000);
        }
        if (end === null && batch.length === 0 && !existsSync(request.runDir)) {
          await running.call('signal_trainer', { id, how: 'kill' });
          throw folderGone(request.runDir);
        }
        if (killedAt > 0 && performance.now() - killedAt > KILL_SECONDS * 1000) throw unkillable(id);
        if (silence > limit && !(silentNode && offset === started.offset)) {
          await running.call('signal_trainer', { id, how: 'abort' });
          throw hung(limit, script, request.runDir);
        }
      }
      if (killedAt > 0) return { kind: 'cancelled' };
      if (end.code === 0 && done && done.reason !== 'cancelled')
        return { kind: 'done', exitCode: 0, ...(result && { result }) };
      if (end.code === 0 && silentNode && !done) return { kind: 'done', exitCode: 0 };
      // Rank 0 also says `cancelled` when torch.distributed.run ends it because another rank died: nobody asked for that.
      const stopped = (asked > 0 || end.code === 130) && (!done || done.reason === 'cancelled');
      if (stopped && !error) return { kind: 'cancelled' };
      if (!existsSync(request.runDir)) throw folderGone(request.runDir);
      throw failureOf({
        script,
        end,
        error,
        logPath: join(request.runDir, 'trainer.log'),
        logOffset: started.log_offset,
      });
    } catch (problem) {
      if (problem instanceof OutsideError && problem.code.startsWith('bridge.')) {
        killGroup(id);
        if (killedAt > 0) return { kind: 'cancelled' };
      }
      throw problem;
    } finally {
      await running.call('discard', { id }).catch(() => {});
      await release();
    }
  }

  return { pid: id, events: events(), cancel };
}

/**
 * Runs a script that ends with a `result` event (evaluate.py, deep_check.py): yields its events, returns that one.
 * Aborting `signal` asks it to stop, a second signal is not needed: it is killed 5 s later.
 * @throws Cancelled; OutsideError (exit 7) as `startTrainer`, and `trainer.no_result`
 */
export async function* runScript(
  request: TrainerRequest,
  signal?: AbortSignal,
): AsyncGenerator<TrainerEvent, EventOf<'result'>, void> {
  signal?.throwIfAborted();
  const trainer = await startTrainer(request);
  let force: NodeJS.Timeout | undefined;
  const onAbort = () => {
    void trainer.cancel();
    force = setTimeout(() => void trainer.cancel(), 5000);
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    const end = yield* trainer.events;
    if (end.kind === 'cancelled') throw new Cancelled();
    if (end.result) return end.result;
    throw new OutsideError(
      'trainer.no_result',
      `${basename(request.script ?? 'train.py')} ended without a result.`,
      {
        exitCode: EXIT.trainer,
        nextSteps: [`less ${shellWord(join(request.runDir, 'trainer.log'))}`],
      },
    );
  } finally {
    clearTimeout(force);
    signal?.removeEventListener('abort', onAbort);
  }
}

/** What the controller would have done, when it no longer can. */
function killGroup(pid: number): void {
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, 'SIGKILL');
  } catch {
    // It is gone: the kernel ended it together with the controller.
  }
}

const missingFile = (what: string, path: string) =>
  new UserError('trainer.missing_file', `${what} ${path} does not exist.`, {
    exitCode: EXIT.trainer,
    nextSteps: ['pt doctor'],
  });

const folderGone = (runDir: string) =>
  new OutsideError(
    'run.folder_gone',
    `The run folder ${runDir} was moved or deleted while the trainer worked in it; the trainer was ended.`,
    { exitCode: EXIT.trainer, nextSteps: [`ls -ld ${shellWord(runDir)}`, 'pt runs'] },
  );

const hung = (seconds: number, script: string, runDir: string) =>
  new OutsideError(
    'trainer.hung',
    `${script} gave no sign of life for ${seconds} s and was ended; where it hung is at the end of trainer.log.`,
    {
      exitCode: EXIT.trainer,
      nextSteps: [`less ${shellWord(join(runDir, 'trainer.log'))}`],
      details: { log: join(runDir, 'trainer.log') },
    },
  );

const unkillable = (pid: number) =>
  new OutsideError(
    'trainer.unkillable',
    `Process ${pid} does not end, even by SIGKILL: it waits inside the kernel (a driver or a network disk).`,
    { exitCode: EXIT.trainer, nextSteps: [`ps -o pid,stat,wchan:32,args -p ${pid}`] },
  );
