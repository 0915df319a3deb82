import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { findPython, type TrainerRequest } from '../../src/bridge/index.ts';
import type { ErrorReport } from '../../src/errors.ts';

export const FIXTURE = fileURLToPath(new URL('fixtures/trainer.py', import.meta.url));
const DRIVER = fileURLToPath(new URL('fixtures/driver.ts', import.meta.url));

/** The interpreter of the tests: PT_PYTHON (`npm test` sets it) or the environment that `npm run setup` made. */
export const PYTHON = (await findPython()).python;

export interface DriverLine {
  pid?: number;
  event?: { type: string; [field: string]: unknown };
  end?: { kind: string; result?: { value: unknown } };
  error?: ErrorReport & { log?: string; lastLines?: string; traceback?: string };
}

export interface Driver {
  process: ChildProcess;
  runDir: string;
  lines: DriverLine[];
  /** Everything that is not one of our JSON lines: must stay empty. */
  noise: string;
  stderr: string;
  /** Waits until a line fits. */
  until(fits: (line: DriverLine) => boolean, milliseconds?: number): Promise<DriverLine>;
  /** Exit code, or the signal's name. */
  ended: Promise<number | string>;
  last(): DriverLine;
}

export const newRunDir = (): string => mkdtempSync(join(tmpdir(), 'pt-bridge-'));

/** Starts `behaviour` of the fixture trainer under a driver of its own. */
export function drive(
  behaviour: string,
  request: Partial<TrainerRequest> = {},
  options: { env?: Record<string, string>; config?: object; prefix?: string[]; runDir?: string } = {},
): Driver {
  const runDir = options.runDir ?? newRunDir();
  const config = join(runDir, 'run.json');
  writeFileSync(
    config,
    JSON.stringify({ run_dir: runDir, ...(behaviour && { behaviour }), ...options.config }),
  );
  const full: TrainerRequest = {
    python: { python: PYTHON, source: 'PT_PYTHON', version: '3' },
    script: FIXTURE,
    config,
    runDir,
    hangSeconds: 20,
    ...request,
  };
  const requestPath = join(runDir, 'request.json');
  writeFileSync(requestPath, JSON.stringify(full));
  const [file = '', ...args] = [...(options.prefix ?? []), process.execPath, DRIVER, requestPath];
  const child = spawn(file, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
  });
  const driver: Driver = {
    process: child,
    runDir,
    lines: [],
    noise: '',
    stderr: '',
    async until(fits, milliseconds = 50_000) {
      for (const end = Date.now() + milliseconds; Date.now() < end; await sleep(10)) {
        const found = driver.lines.find(fits);
        if (found) return found;
        if (child.exitCode !== null || child.signalCode !== null) {
          await sleep(50);
          const late = driver.lines.find(fits);
          if (late) return late;
          break;
        }
      }
      throw new Error(
        `it never came; there is ${JSON.stringify(driver.lines.slice(-3))} ${driver.noise} ${driver.stderr}`,
      );
    },
    ended: new Promise((resolve) => {
      child.on('close', (code, signal) => resolve(code ?? signal ?? 'unknown'));
    }),
    last: () => driver.lines.at(-1) ?? {},
  };
  let rest = '';
  child.stdout!.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      try {
        driver.lines.push(JSON.parse(line));
      } catch {
        driver.noise += `${line}\n`;
      }
    }
  });
  child.stderr!.setEncoding('utf8').on('data', (chunk: string) => {
    driver.stderr += chunk;
  });
  started.add(driver);
  return driver;
}

const started = new Set<Driver>();

/** For `afterEach`: no driver, no run folder is left behind, whatever a test did. */
export async function cleanUp(): Promise<void> {
  for (const driver of started) {
    driver.process.kill('SIGKILL');
    await driver.ended;
    await gone(...processesOf(driver.runDir));
    rmSync(driver.runDir, { recursive: true, force: true });
  }
  started.clear();
}

/** Waits for the first step of the training loop. */
export const trains = (driver: Driver) => driver.until((line) => line.event?.type === 'step');

interface Found {
  pid: number;
  command: string;
}

/** Processes that have to do with a run: its folder is in their command line, or the driver or one of those is above them. */
export function processesOf(runDir: string, root?: number): Found[] {
  const all = readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ');
      return state === 'Z' ? [] : [{ pid: Number(name), parent: Number(parent), command }];
    } catch {
      return [];
    }
  });
  const found = new Set(
    all.filter((one) => one.pid === root || one.command.includes(runDir)).map((one) => one.pid),
  );
  for (let size = -1; size !== found.size; ) {
    size = found.size;
    for (const one of all) if (found.has(one.parent)) found.add(one.pid);
  }
  return all.filter((one) => found.has(one.pid) && one.pid !== process.pid);
}

/** The Python process that hosts the controller. */
export function controllerOf(driver: Driver): number {
  const found = processesOf(driver.runDir, driver.process.pid).find((one) =>
    one.command.includes('interface.py'),
  );
  if (!found) throw new Error('no controller is running');
  return found.pid;
}

/** Waits until every one of these processes is gone; fails after 5 s with those that are not. */
export async function gone(...processes: Found[]): Promise<number> {
  const begin = performance.now();
  for (;;) {
    const left = processes.filter(({ pid, command }) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        if (stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z')) return false;
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ') === command;
      } catch {
        return false;
      }
    });
    if (left.length === 0) return performance.now() - begin;
    if (performance.now() - begin > 5000) {
      for (const { pid } of left) process.kill(pid, 'SIGKILL');
      throw new Error(`left behind: ${JSON.stringify(left)}`);
    }
    await sleep(5);
  }
}

export const logOf = (driver: Driver): string => {
  const path = join(driver.runDir, 'trainer.log');
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
};
