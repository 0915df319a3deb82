import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readSandboxState, sandboxDir } from '../../src/sandbox/index.ts';
import { cleanEnv, root } from '../commands/run-pt.ts';
import { findOldNode } from '../support/old-node.ts';

/** bin/run.js started by a Node that is too old for the tool: it must be as if it were not there. */
const old = findOldNode();
let home: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'pt-wrapper-'));
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

const run = (args: string[], bin = join(root, 'bin/run.js')) =>
  spawnSync(old!, [bin, ...args], { env: cleanEnv({ PT_HOME: home }), cwd: home, encoding: 'utf8' });

/** A sandbox in the foreground behind the wrapper, once it serves. */
async function startSandbox(): Promise<{
  wrapper: ReturnType<typeof spawn>;
  pid: number;
  ended: Promise<[number | null, string | null]>;
}> {
  const wrapper = spawn(old!, [join(root, 'bin/run.js'), 'sandbox', 'start', '--quiet'], {
    env: cleanEnv({ PT_HOME: home }),
    cwd: home,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = new Promise<[number | null, string | null]>((settle) =>
    wrapper.on('exit', (code, signal) => settle([code, signal])),
  );
  for (let tries = 0; tries < 600; tries += 1) {
    const state = readSandboxState(sandboxDir(home));
    if (state) return { wrapper, pid: state.pid, ended };
    await sleep(50);
  }
  throw new Error('the sandbox did not start');
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

async function goneWithin(pid: number, milliseconds: number): Promise<boolean> {
  for (const end = Date.now() + milliseconds; Date.now() < end; await sleep(20))
    if (!isAlive(pid)) return true;
  return false;
}

describe.skipIf(old === null)('bin/run.js under an old Node', () => {
  test('runs on the pinned Node', () => {
    expect(run(['--version']).stdout).toMatch(/ node-v2[4-9]\./);
  });

  test('output and exit codes pass through', () => {
    for (const [args, code] of [
      [['config', 'show', '--json'], 0],
      [['trian', '--json'], 2],
      [['sandbox', 'env', '--json'], 5],
      [['check', 'nowhere', '--json'], 2],
    ] as const) {
      const ran = run([...args]);
      expect(ran.status, ran.stderr).toBe(code);
      expect(() => JSON.parse(ran.stdout)).not.toThrow();
    }
  });

  test('SIGTERM reaches the command, which ends in order', async () => {
    const { wrapper, pid, ended } = await startSandbox();
    expect(pid).not.toBe(wrapper.pid);
    wrapper.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    expect(isAlive(pid)).toBe(false);
    expect(readSandboxState(sandboxDir(home))).toBeNull();
  });

  test('SIGKILL of the wrapper ends the command too', async () => {
    const { wrapper, pid, ended } = await startSandbox();
    wrapper.kill('SIGKILL');
    expect(await ended).toEqual([null, 'SIGKILL']);
    expect(await goneWithin(pid, 10_000)).toBe(true);
  });

  test('a command that is killed makes the wrapper die of the same signal', async () => {
    const { pid, ended } = await startSandbox();
    process.kill(pid, 'SIGKILL');
    expect(await ended).toEqual([null, 'SIGKILL']);
  });

  test('without the pinned Node it says what to do', () => {
    const copy = join(home, 'copy');
    mkdirSync(copy);
    cpSync(join(root, 'bin'), join(copy, 'bin'), { recursive: true });
    writeFileSync(join(copy, 'package.json'), '{"type": "module"}');
    const ran = run(['--version'], join(copy, 'bin/run.js'));
    expect(ran.status).toBe(2);
    expect(ran.stderr).toMatch(
      /needs Node 24 or newer; this is \d+[\s\S]*→ install Node 24[\s\S]*→ npm install/,
    );
  });

  test('by the link that npm makes in node_modules/.bin', () => {
    const link = join(home, 'pt');
    symlinkSync(join(root, 'bin/run.js'), link);
    expect(run(['--version'], link).stdout).toContain('pretrain-miner/');
  });
});
