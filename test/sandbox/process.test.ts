import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import WebSocket from 'ws';
import { processIdentity } from '../../src/host/process.ts';
import { SCHEMAS } from '../../src/output/index.ts';
import { readSandboxState } from '../../src/sandbox/state.ts';
import { resolveSettings } from '../../src/settings/index.ts';
import { type Ran, root, runPt } from '../commands/run-pt.ts';

let home: string;
const dir = () => join(home, 'sandbox');
const pt = (...args: string[]) => runPt(args, { env: { PT_HOME: home }, cwd: home });
const sandbox = (...args: string[]) => pt('sandbox', ...args, '--json');
const status = (ran: Ran) => SCHEMAS['sandbox:status'].parse(ran.json());
const mode = (path: string) => statSync(path).mode & 0o777;

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'pt-sandbox-'));
});
afterAll(async () => {
  await sandbox('stop');
  rmSync(home, { recursive: true, force: true });
});

test('started in the background it serves both, keeps secrets to the user, and starting again changes nothing', async () => {
  const first = status(await sandbox('start', '--detach'));
  expect(first).toMatchObject({
    running: true,
    netuid: 9,
    chain: expect.stringMatching(/^ws:\/\/127\.0\.0\.1:\d+$/),
  });
  expect(status(await sandbox('start'))).toMatchObject({
    pid: first.pid,
    chain: first.chain,
    hub: first.hub,
  });

  const state = readSandboxState(dir())!;
  const me = await fetch(`${first.hub}/api/whoami-v2`, {
    headers: { authorization: `Bearer ${state.token}` },
  });
  expect(await me.json()).toMatchObject({ name: 'me' });
  for (const file of ['state.json', 'sandbox.json', 'sandbox.log', 'wallets/default/hotkeys/default']) {
    expect(mode(join(dir(), file)), file).toBe(0o600);
  }
  expect(mode(dir())).toBe(0o700);
  expect(readFileSync(join(dir(), 'sandbox.log'), 'utf8')).not.toContain(state.token);
  const before = status(await sandbox('status')).block!;
  await new Promise((done) => setTimeout(done, 1500));
  expect(status(await sandbox('status')).block).toBeGreaterThan(before);
});

test('env prints what a shell can take in, and settings then know the sandbox by its address', async () => {
  const { stdout } = await pt('sandbox', 'env');
  expect(
    stdout
      .split('\n')
      .filter(Boolean)
      .every((line) => /^export [A-Z_]+=\S+$/.test(line)),
  ).toBe(true);
  const seen = execFileSync(
    'bash',
    ['-c', `${stdout}\necho "$PT_NETWORK|$PT_NETUID|$HF_HUB_DISABLE_XET|$PT_WALLET_NAME"`],
    {
      encoding: 'utf8',
    },
  );
  const state = readSandboxState(dir())!;
  expect(seen.trim()).toBe(`${state.chain}|9|1|default`);
  const { env } = (await sandbox('env')).json() as { env: Record<string, string> };
  const shown = await runPt(['config', 'show', '--json'], { env: { ...env, PT_HOME: home }, cwd: home });
  expect(shown.code).toBe(0);
  expect(shown.stdout).not.toContain(state.token);
});

test('stop waits for the end; the next start has the same addresses and wallet', async () => {
  const before = status(await sandbox('status'));
  expect((await sandbox('stop')).json()).toEqual({ stopped: true });
  expect(processIdentity(before.pid as number)).toBeNull();
  expect((await sandbox('stop')).json()).toEqual({ stopped: false });
  expect(status(await sandbox('status'))).toMatchObject({ running: false, chain: null, block: null });
  const after = status(await sandbox('start', '--detach'));
  expect(after).toMatchObject({ chain: before.chain, hub: before.hub, wallet: before.wallet });
  expect(after.block).toBeGreaterThanOrEqual(before.block!);
});

test('a killed sandbox counts as stopped, and starts again', async () => {
  const { pid, chain } = status(await sandbox('status'));
  process.kill(pid as number, 'SIGKILL');
  await expect.poll(async () => status(await sandbox('status')).running).toBe(false);
  const train = await pt('sandbox', 'env');
  expect(train).toMatchObject({ code: 5, stdout: '' });
  expect(train.stderr).toContain('pt sandbox start --detach');
  expect(status(await sandbox('start', '--detach'))).toMatchObject({ running: true, chain });
});

test('reset wipes everything', async () => {
  const before = status(await sandbox('status'));
  expect((await sandbox('reset')).json()).toMatchObject({ reset: true, wasRunning: true });
  expect(existsSync(dir())).toBe(false);
  const after = status(await sandbox('start', '--detach'));
  expect(after.wallet?.ss58).not.toBe(before.wallet?.ss58);
  await sandbox('stop');
});

test.each([[[]], [['--detach']]])('a port in use is named, start %j', async (extra) => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  const { port } = server.address() as AddressInfo;
  const ran = await sandbox('start', ...extra, '--hub-port', String(port));
  server.close();
  expect(ran.code).toBe(2);
  expect(ran.json()).toMatchObject({
    error: { code: 'sandbox.port_in_use', message: `--hub-port ${port}: this port is in use.` },
  });
  expect(status(await sandbox('status')).running).toBe(false);
});

test('in the foreground it prints its object at once and ends cleanly at Ctrl-C', async () => {
  const ran = await runPt(['sandbox', 'start', '--json'], {
    env: { PT_HOME: home },
    cwd: home,
    signalAfter: /"running":true/,
  });
  expect(ran.code).toBe(0);
  expect(status(ran).running).toBe(true);
  expect(existsSync(join(dir(), 'state.json'))).toBe(false);
});

test('two starts at once: one serves, the other says so or sees it', async () => {
  const both = await Promise.all([sandbox('start', '--detach'), sandbox('start', '--detach')]);
  const pids = both.filter(({ code }) => code === 0).map((ran) => status(ran).pid);
  expect(pids.length).toBeGreaterThan(0);
  expect(new Set(pids).size).toBe(1);
  for (const ran of both.filter(({ code }) => code !== 0)) {
    expect(ran.json()).toMatchObject({ error: { code: 'sandbox.running' } });
  }
  await sandbox('stop');
});

test('--spec holds for the life of a chain: a restart keeps it, status says it, another is refused by name', async () => {
  await sandbox('reset');
  expect(status(await sandbox('start', '--detach', '--spec', '218'))).toMatchObject({
    running: true,
    spec: 218,
  });
  const { chain, hub } = readSandboxState(dir())!;
  const node = new WebSocket(chain);
  node.on('open', () => node.send('{"jsonrpc":"2.0","id":1,"method":"state_getRuntimeVersion","params":[]}'));
  const [answer] = await once(node, 'message');
  node.close();
  expect(JSON.parse(String(answer))).toMatchObject({ result: { specVersion: 218 } });

  const [chainPort, hubPort] = [chain, hub].map((address) => new URL(address).port) as [string, string];
  const same = await sandbox('start', '--spec', '218', '--chain-port', chainPort, '--hub-port', hubPort);
  expect(status(same)).toMatchObject({ spec: 218 });
  const other = await sandbox('start', '--spec', '424', '--hub-port', '1');
  expect(other.code).toBe(2);
  expect(other.json()).toMatchObject({
    error: {
      code: 'sandbox.running',
      message: `The sandbox runs already, and without --hub-port 1 (it has ${hubPort}), --spec 424 (it has 218).`,
    },
  });

  await sandbox('stop');
  expect(status(await sandbox('start', '--detach'))).toMatchObject({ spec: 218 });
  await sandbox('stop');
  const refused = await sandbox('start', '--detach', '--spec', '424');
  expect(refused.code).toBe(2);
  expect(refused.json()).toMatchObject({ error: { code: 'sandbox.other_spec' } });
  await sandbox('reset');
  expect(status(await sandbox('start', '--detach'))).toMatchObject({ spec: 424 });
  await sandbox('stop');
});

test('a fork without chopsticks says what is missing', async () => {
  const ran = await runPt(['sandbox', 'start', '--fork', 'finney', '--json'], {
    env: { PT_HOME: home, PATH: '/usr/bin' },
    cwd: home,
  });
  expect(ran).toMatchObject({ code: 2 });
  expect(ran.json()).toMatchObject({ error: { code: 'sandbox.no_chopsticks' } });
});

test('a fork runs the chopsticks of the PATH on the real endpoint, follows the real schedule, and ends with the sandbox', async () => {
  // The real one needs the internet; this stand-in serves the embedded chain where it is told to.
  const bin = join(home, 'bin');
  mkdirSync(bin);
  const chain = join(root, 'dist/sandbox/chain/index.js');
  writeFileSync(
    join(bin, 'chopsticks'),
    `#!${process.execPath}
const { writeFileSync } = require('node:fs');
const port = Number(process.argv.find((arg) => arg.startsWith('--port=')).slice(7));
import(${JSON.stringify(chain)}).then(({ startChain }) => startChain({ dir: ${JSON.stringify(join(home, 'forked'))}, port }));
writeFileSync(${JSON.stringify(join(home, 'fork.json'))}, JSON.stringify({ pid: process.pid, args: process.argv.slice(2) }));
`,
    { mode: 0o755 },
  );
  const env = { PT_HOME: home, PATH: `${bin}:${process.env.PATH}` };
  const ran = await runPt(['sandbox', 'start', '--fork', 'finney', '--detach', '--json'], { env, cwd: home });
  expect(status(ran)).toMatchObject({ running: true });
  const { pid, args } = JSON.parse(readFileSync(join(home, 'fork.json'), 'utf8')) as {
    pid: number;
    args: string[];
  };
  expect(args).toEqual([
    expect.stringMatching(/^--endpoint=wss:/),
    `--port=${new URL(String(ran.json().chain)).port}`,
    '--addr=127.0.0.1',
  ]);
  const settings = resolveSettings({
    flags: { network: 'sandbox' },
    env: { PT_HOME: home },
    cwd: home,
    home,
  });
  expect(settings.network).toMatchObject({ kind: 'sandbox', schedule: '3.2.0' });
  await sandbox('stop');
  expect(processIdentity(pid)).toBeNull();
});
