import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT, OutsideError } from '../errors.ts';
import { PYTHON_FOLDER } from './paths.ts';
import { type PythonModule, startHost } from './pythonia.ts';

/** Seconds that a call, which does no work to speak of, may take before the process counts as stuck. */
const CALL_SECONDS = 30;
const STDERR_BYTES = 4000;

/** The process that hosts `bridge_controller.py`. Every call ends: with its answer, or with why there is none. */
export interface Controller {
  python: string;
  pid: number;
  /** @throws OutsideError `bridge.died`, `bridge.stuck`, `bridge.failed` (exit 7) */
  call<Answer>(method: string, request: object): Promise<Answer>;
  /** Ends the process, at the latest by force after 3 s. */
  stop(): Promise<void>;
}

/** Starts the controller with the interpreter `python`. One exists at a time: pythonia knows only one. */
export async function startController(python: string, has: { secrets: boolean }): Promise<Controller> {
  const file = join(PYTHON_FOLDER, 'bridge_controller.py');
  if (!existsSync(file)) throw incomplete(file);
  const host = startHost(python, has);
  const { child } = host;

  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-STDERR_BYTES);
  });
  const exited = new Promise<string>((resolve) => {
    child.on('exit', (code, signal) =>
      resolve(signal ? `was killed by ${signal}` : `ended with exit code ${code}`),
    );
    // Also raised for a write to a process that is just ending: that has an exit of its own.
    child.on('error', (error) => {
      if (child.pid === undefined) resolve(`could not be started (${error.message})`);
    });
  });
  let death: string | undefined;
  void exited.then((how) => {
    death = how;
  });

  /** `answer`, or the process's death, or the time-out: whichever is first. */
  async function alive<T>(answer: () => Promise<T>, whenDead: (how: string) => OutsideError): Promise<T> {
    if (death !== undefined) throw whenDead(death);
    let timer: NodeJS.Timeout | undefined;
    try {
      return await Promise.race([
        answer(),
        exited.then((how) => {
          throw whenDead(how);
        }),
        new Promise<never>((_, reject) => {
          timer = setTimeout(() => reject(stuck()), CALL_SECONDS * 1000);
        }),
      ]);
    } finally {
      clearTimeout(timer);
    }
  }

  const died = (how: string) =>
    new OutsideError(
      'bridge.died',
      `The Python process that watches over the trainer ${how}; the trainer was ended with it.${lastLines(stderr)}`,
      { exitCode: EXIT.trainer, nextSteps: ['pt doctor'] },
    );
  const doesNotStart = (how: string) =>
    new OutsideError('python.broken', `Python does not work: ${python} ${how}.${lastLines(stderr)}`, {
      exitCode: EXIT.trainer,
      nextSteps: ['pt setup', 'pt doctor'],
    });

  async function stop(): Promise<void> {
    host.end();
    child.stderr?.destroy();
    const force = setTimeout(() => child.kill('SIGKILL'), 2000);
    await Promise.race([exited, new Promise((resolve) => setTimeout(resolve, 3000).unref())]);
    clearTimeout(force);
    child.unref();
  }

  let module: PythonModule;
  try {
    module = await alive(() => host.load(file), doesNotStart);
    await alive(() => module.host!(), doesNotStart);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    python,
    pid: child.pid!,
    stop,
    async call<Answer>(method: string, request: object): Promise<Answer> {
      const text = await alive(() => module[method]!(JSON.stringify(request)), died);
      const { ok, error } = JSON.parse(String(text)) as Reply<Answer>;
      if (error) throw failed(error);
      return ok as Answer;
    },
  };
}

interface Reply<Answer> {
  ok?: Answer;
  error?: { errno: number | null; file: string | null; message: string };
}

const stuck = () =>
  new OutsideError(
    'bridge.stuck',
    `The Python process that watches over the trainer has not answered for ${CALL_SECONDS} s; the trainer was ended with it.`,
    { exitCode: EXIT.trainer, nextSteps: ['pt doctor'] },
  );

const incomplete = (file: string) =>
  new OutsideError('bridge.incomplete', `${file} is missing: this copy of pt is incomplete.`, {
    exitCode: EXIT.trainer,
    nextSteps: ['npm install -g pretrain-miner   # or clone the repository again'],
  });

function failed(error: NonNullable<Reply<unknown>['error']>): OutsideError {
  // errno 28: no space left on device; 122: quota.
  if (error.errno === 28 || error.errno === 122)
    return new OutsideError('disk.full', `The disk is full: ${error.message}`, {
      exitCode: EXIT.trainer,
      nextSteps: ['df -h', 'pt runs'],
    });
  return new OutsideError('bridge.failed', `The trainer could not be started: ${error.message}`, {
    exitCode: EXIT.trainer,
    nextSteps: ['pt doctor'],
  });
}

function lastLines(text: string): string {
  const lines = text.trim().split('\n').slice(-3).join('\n');
  return lines === '' ? '' : `\n${lines}`;
}
