import childProcess, { type ChildProcess, type SpawnOptions } from 'node:child_process';
import { createRequire } from 'node:module';
import { withoutSecrets } from '../secret.ts';

/** What is used of pythonia. */
interface Pythonia {
  python: ((file: string) => Promise<PythonModule>) & { exit(): void };
  com: { proc: ChildProcess | null; start(): void };
}

export type PythonModule = Record<string, (...args: string[]) => Promise<unknown>>;

let pythonia: Pythonia | undefined;

/** pythonia's Python process, freshly started, and how to load a file in it and end it. */
export interface Host {
  child: ChildProcess;
  load(file: string): Promise<PythonModule>;
  end(): void;
}

/**
 * Starts pythonia's Python. pythonia does so when it is imported, and hard-codes how: Python shares this process's terminal,
 * stdout and process group, so that a `print` lands in our data and Ctrl-C kills it mid-call. For the one synchronous moment in
 * which it calls `spawn`, that call is corrected: a session of its own, no stdin, no stdout, stderr kept for messages.
 */
export function startHost(python: string, { secrets }: { secrets: boolean }): Host {
  let child: ChildProcess | undefined;
  const { spawn } = childProcess;
  const environment = { PYTHON_BIN: python, REQ_TIMEOUT: '0', DEBUG: undefined };
  const before = Object.fromEntries(Object.keys(environment).map((name) => [name, process.env[name]]));
  setEnvironment(environment);
  childProcess.spawn = ((file: string, args: string[], options: SpawnOptions) => {
    child = spawn(file, args, { ...options, ...corrected(options, secrets) });
    // A failure to start, or a write to a dead process: `exit` and `error` are watched by the caller too.
    child.on('error', () => {});
    return child;
  }) as typeof spawn;
  try {
    if (pythonia === undefined) {
      pythonia = createRequire(import.meta.url)('pythonia') as Pythonia;
    } else {
      pythonia.com.start();
    }
  } finally {
    childProcess.spawn = spawn;
    setEnvironment(before);
  }
  const host = pythonia;
  if (child === undefined) throw new Error('pythonia did not start a process');
  return {
    child,
    load: (file) => host.python(file),
    end() {
      // Clears pythonia's timer, which keeps Node alive, and lets it start again later.
      if (host.com.proc) host.python.exit();
    },
  };
}

function corrected(options: SpawnOptions, secrets: boolean): SpawnOptions {
  // What opens a hotkey is none of Python's business: recipes and packages of others run there.
  const { PYTHONHOME: _, BT_WALLET_PASSWORD: __, ...rest } = process.env;
  const env = secrets ? rest : withoutSecrets(rest);
  if (process.platform === 'win32') {
    // There the messages themselves travel over stdin and stderr.
    return { env, windowsHide: true, stdio: ['pipe', 'ignore', 'pipe'] };
  }
  const ipc = Array.isArray(options.stdio) ? options.stdio.slice(3) : ['ipc' as const];
  return { env, detached: true, stdio: ['ignore', 'ignore', 'pipe', ...ipc] };
}

function setEnvironment(values: Record<string, string | undefined>): void {
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
}
