import { spawn, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cleanEnv, root, runPt } from '../commands/run-pt.ts';
import { findOldNode } from '../support/old-node.ts';

/**
 * scripts/bootstrap.mjs in a clone of its own, started by the machine's own Node where that is an old one. The clone lies in this
 * one's `.pt/` (git ignores it), so that it shares node_modules and a build is one rename.
 */
const node = findOldNode() ?? process.execPath;
const clone = join(root, '.pt', `clone-${process.pid}`);
const home = join(clone, 'home');
const mark = `PT_TEST_MARK=${process.pid}-${Date.now()}`;
const env = () => cleanEnv({ PT_HOME: home, PT_TEST_MARK: mark.slice('PT_TEST_MARK='.length) });

beforeAll(() => {
  mkdirSync(clone, { recursive: true });
  const needed = [
    'bin',
    'src',
    'scripts',
    'constants',
    'schemas',
    'python',
    'package.json',
    'package-lock.json',
    'tsconfig.json',
  ];
  for (const name of needed) cpSync(join(root, name), join(clone, name), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(clone, 'node_modules'));
});
afterAll(async () => {
  await runPt(['sandbox', 'stop'], { env: { PT_HOME: home } });
  rmSync(clone, { recursive: true, force: true });
});

const bootstrap = (...args: string[]) =>
  spawnSync(node, ['scripts/bootstrap.mjs', ...args], { cwd: clone, env: env(), encoding: 'utf8' });

test('a task that is not there: exit 2, with those that are', () => {
  const { status, stderr } = bootstrap('nonsense');
  expect(status).toBe(2);
  expect(stderr).toMatch(/no task "nonsense"[\s\S]*bootstrap\.mjs quickstart/);
});

test('set-up compiles once, and finds everything done the second time', () => {
  const first = bootstrap();
  expect(first.status, first.stderr).toBe(0);
  expect(first.stderr).toContain('Compiling');
  const manifest = join(clone, 'oclif.manifest.json');
  expect(JSON.parse(readFileSync(manifest, 'utf8')).commands).toHaveProperty('train');
  const { mtimeMs } = statSync(manifest);
  const second = bootstrap();
  expect(second.status, second.stderr).toBe(0);
  expect(second.stderr).not.toContain('Compiling');
  expect(statSync(manifest).mtimeMs).toBe(mtimeMs);
  expect(existsSync(join(clone, '.pt', 'setup.lock'))).toBe(false);
});

test('a lock of a set-up from before the last start of the machine holds nobody up, whoever has its process id now', () => {
  const lock = join(clone, '.pt', 'setup.lock');
  writeFileSync(lock, String(process.pid));
  utimesSync(lock, 0, 0);
  const ran = bootstrap();
  expect(ran.status, ran.stderr).toBe(0);
  expect(existsSync(lock)).toBe(false);
});

test('the exit code of what it starts is its own', () => {
  const { status, stderr } = spawnSync(node, ['scripts/bootstrap.mjs', 'bench', 'startup'], {
    cwd: clone,
    env: { ...env(), PT_PYTHON: '/nonexistent/python' },
    encoding: 'utf8',
  });
  expect(status).toBe(2);
  expect(stderr).toContain('/nonexistent/python');
});

test('sources that do not compile: exit 1, and what to type', () => {
  writeFileSync(join(clone, 'src', 'broken.ts'), 'const x: number = "no";\n');
  try {
    const { status, stderr } = bootstrap();
    expect(status).toBe(1);
    expect(stderr).toMatch(/do not compile[\s\S]*→ npm run build/);
  } finally {
    rmSync(join(clone, 'src', 'broken.ts'));
  }
});

describe.runIf(process.platform === 'linux')('kill -9', () => {
  /** Processes that have our mark in their environment, as `pid command line`. */
  const marked = () =>
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((pid) => {
        try {
          if (!readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(mark)) return [];
          return [`${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')}`];
        } catch {
          return [];
        }
      });

  test('of `npm run quickstart` leaves nothing but the sandbox', async () => {
    const child = spawn(node, ['scripts/bootstrap.mjs', 'quickstart'], {
      cwd: clone,
      env: env(),
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let shown = '';
    child.stderr.on('data', (chunk) => {
      shown += chunk;
    });
    for (let tries = 0; !/Run folder/.test(shown) && child.exitCode === null && tries < 1200; tries += 1)
      await sleep(50);
    expect(shown).toContain('Run folder');
    expect(marked().length).toBeGreaterThan(2);
    child.kill('SIGKILL');
    let left = marked();
    for (let tries = 0; left.some((line) => !line.includes('sandbox start')) && tries < 400; tries += 1) {
      await sleep(50);
      left = marked();
    }
    expect(left.filter((line) => !line.includes('sandbox start'))).toEqual([]);
  }, 120_000);
});
