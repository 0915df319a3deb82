import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { errorSchema, SCHEMAS } from '../../src/output/index.ts';

export const root = resolve(import.meta.dirname, '../..');
const bin = resolve(root, 'bin/run.js');

export interface Ran {
  code: number | null;
  stdout: string;
  stderr: string;
  /** stdout as the one JSON object of --json; throws when that is not exactly what the command's schema says. */
  json: () => Record<string, unknown>;
}

/** A clean environment: nothing of this shell's settings reaches the tool. */
export const cleanEnv = (extra: Record<string, string> = {}): NodeJS.ProcessEnv => ({
  PATH: process.env.PATH,
  HOME: '/nonexistent-home',
  OMP_NUM_THREADS: '1',
  ...(process.env.PT_PYTHON ? { PT_PYTHON: process.env.PT_PYTHON } : {}),
  ...extra,
});

/** Runs the built `pt` as a user does, stdin closed; never rejects for an exit code. */
export function runPt(
  args: string[],
  options: {
    env?: Record<string, string>;
    cwd?: string;
    signalAfter?: { test(output: string): boolean };
    signal?: NodeJS.Signals;
  } = {},
): Promise<Ran> {
  const child = spawn(process.execPath, [bin, ...args], {
    cwd: options.cwd ?? '/',
    env: cleanEnv(options.env),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  let sent = false;
  const poke = () => {
    if (sent || !options.signalAfter?.test(stdout + stderr)) return;
    sent = true;
    child.kill(options.signal ?? 'SIGINT');
  };
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
    poke();
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
    poke();
  });
  return new Promise((done, reject) => {
    child.on('error', reject);
    child.on('close', (code) => done({ code, stdout, stderr, json: () => printed(args, stdout) }));
  });
}

/** One pt whose home and working folder is `home`, with nothing of this machine's settings: to be killed, or waited for. */
export const startPt = (home: string, ...args: string[]) =>
  execa(process.execPath, [bin, ...args, '--json'], {
    reject: false,
    stdin: 'ignore',
    cwd: home,
    extendEnv: false,
    env: cleanEnv({ HOME: home, PT_HOME: join(home, 'pt') }),
  });

/** The same, to its end. */
export async function finishPt(home: string, ...args: string[]) {
  const { stdout, stderr, exitCode } = await startPt(home, ...args);
  // biome-ignore lint/suspicious/noExplicitAny: each test says what it expects of the object
  return { exitCode, stderr, json: JSON.parse(stdout) as Record<string, any> };
}

/** The object, held to the schema of the command that `args` names. */
export function printed(args: string[], stdout: string): Record<string, unknown> {
  const value = JSON.parse(stdout) as Record<string, unknown>;
  return ('error' in value ? errorSchema : SCHEMAS[commandOf(args)]).parse(value);
}

function commandOf(args: string[]): keyof typeof SCHEMAS {
  const words = args.filter((word) => !word.startsWith('-')).map((word) => word.replaceAll('_', '-'));
  const id = [words.slice(0, 2).join(':'), words[0]!].find((name) => name in SCHEMAS);
  if (id === undefined) throw new Error(`pt ${args.join(' ')}: no schema for what it printed`);
  return id as keyof typeof SCHEMAS;
}
