import { spawn } from 'node:child_process';
import { resolve } from 'node:path';

export const root = resolve(import.meta.dirname, '../..');
const bin = resolve(root, 'bin/run.js');

export interface Ran {
  code: number | null;
  stdout: string;
  stderr: string;
  /** stdout as the one JSON object of --json. */
  json: () => Record<string, unknown>;
}

/** A clean environment: nothing of this shell's settings reaches the tool. */
export const cleanEnv = (extra: Record<string, string> = {}): NodeJS.ProcessEnv => ({
  PATH: process.env.PATH,
  HOME: '/nonexistent-home',
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
    child.on('close', (code) => done({ code, stdout, stderr, json: () => JSON.parse(stdout) }));
  });
}
