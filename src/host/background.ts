import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ErrorReport } from '../errors.ts';
import { diskError } from './disk-error.ts';

export interface BackgroundOptions {
  /** What it prints is appended here, so that two that start at once do not write over each other. */
  log: string;
  cwd: string;
  env: NodeJS.ProcessEnv;
}

/** A program in a session of its own. */
export interface Background {
  child: ChildProcess;
  /** When it has ended, or could not be started. */
  ended: Promise<true>;
  /** What it has printed, while its log lies where it began. */
  printed(): string;
}

/** Starts a program that outlives this one and its terminal. Throws what the file system says of its log (`diskError`). */
export function startInBackground(
  [program, ...args]: readonly string[],
  { log, cwd, env }: BackgroundOptions,
): Background {
  const output = openLog(log);
  const begin = fstatSync(output).size;
  const stdio = ['ignore', output, output] as const;
  const child = spawn(program!, args, { detached: true, stdio: [...stdio], env, cwd, windowsHide: true });
  closeSync(output);
  child.unref();
  const ended = new Promise<true>((settle) => {
    for (const event of ['error', 'exit']) child.once(event, () => settle(true));
  });
  return { child, ended, printed: () => readFileSync(log).subarray(begin).toString('utf8') };
}

function openLog(path: string): number {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    return openSync(path, 'a', 0o600);
  } catch (error) {
    throw diskError(error, path);
  }
}

/** The error that a `pt … --json` printed, among what else it printed; null: none. */
export function errorIn(printed: string): ErrorReport | null {
  for (const line of printed.split('\n')) {
    if (!line.startsWith('{"error":')) continue;
    try {
      return (JSON.parse(line) as { error: ErrorReport }).error;
    } catch {
      // Cut off, or not ours.
    }
  }
  return null;
}
