import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, it } from 'vitest';

const guard = resolve('test/support/no-network');
const pt = resolve('bin/run.js');
let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'pt-offline-'));
});
afterAll(() => rm(home, { recursive: true, force: true }));

function blocked(command: string, args: string[]) {
  return execa(command, args, {
    reject: false,
    stdin: 'ignore',
    cwd: home,
    extendEnv: false,
    env: {
      PATH: process.env.PATH!,
      PT_PYTHON: process.env.PT_PYTHON!,
      HOME: home,
      PT_HOME: join(home, 'pt'),
      NETWORK_LOG: join(home, 'network.log'),
      NODE_OPTIONS: `--import ${join(guard, 'guard.mjs')}`,
      PYTHONPATH: guard,
    },
  });
}

it('the guard itself catches Node and Python', async () => {
  const log = join(home, 'network.log');
  await blocked(process.execPath, ['-e', "require('net').connect(80, '192.0.2.1')"]);
  await blocked(process.env.PT_PYTHON!, [
    '-c',
    "import socket; socket.create_connection(('192.0.2.1', 80), 1)",
  ]);
  const lines = (await readFile(log, 'utf8')).trim().split('\n');
  expect(lines.filter((line) => line.startsWith('node'))).not.toHaveLength(0);
  expect(lines.filter((line) => line.startsWith('python'))).not.toHaveLength(0);
  await rm(log);
});

it('pt train --offline trains with no network, wallet or token, and tries no connection', async () => {
  const { stdout, stderr, exitCode } = await blocked(process.execPath, [
    pt,
    'train',
    '--offline',
    '--max-steps',
    '3',
    '--json',
  ]);
  expect(exitCode, stderr).toBe(0);
  const result = JSON.parse(stdout);
  expect(result).toMatchObject({ steps: 3, resumed: false, published: null });
  expect(result.bestLoss).toBeGreaterThan(0);
  expect(existsSync(join(result.bestDir, 'model.safetensors'))).toBe(true);
  expect(existsSync(join(home, 'network.log'))).toBe(false);
}, 180_000);
