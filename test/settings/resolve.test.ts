import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { PtError } from '../../src/errors.ts';
import { processIdentity } from '../../src/host/process.ts';
import { type SandboxState, writeSandboxState } from '../../src/sandbox/state.ts';
import { DEFINITIONS, unknownVariable } from '../../src/settings/definitions.ts';
import { chainOptions, hubOptions, resolveSettings } from '../../src/settings/index.ts';

let root: string;
let env: NodeJS.ProcessEnv;
const settings = (flags: Record<string, unknown> = {}) =>
  resolveSettings({ flags, env, cwd: root, home: root });
const origin = (key: string, flags = {}) => settings(flags).rows.find((row) => row.key === key)?.origin;
const config = (text: string) => writeFileSync(join(root, '.pt', 'config.yaml'), text);
const dotenv = (text: string) => writeFileSync(join(root, '.env'), text);

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'pt-settings-'));
  mkdirSync(join(root, '.pt'));
  env = {};
});
afterEach(() => rmSync(root, { recursive: true }));

/** What is wrong, as a person reads it. */
function problem(act: () => unknown): { code: string; message: string; exitCode: number } {
  try {
    act();
  } catch (error) {
    if (error instanceof PtError)
      return { code: error.code, message: error.message, exitCode: error.exitCode };
    throw error;
  }
  throw new Error('nothing was wrong');
}

test('without anything said, the constants and defaults hold', () => {
  const { network, netuid, profile, wallet, hub, home, offline, constants } = settings();
  expect(network.name).toBe('finney');
  expect(network.endpoints[0]).toMatch(/^wss:/);
  expect(constants.networks[network.name]!.retired_netuids).toContain(netuid);
  expect({ netuid, profile, offline }).toEqual({ netuid: 9, profile: '3.2', offline: false });
  expect(wallet).toEqual({ path: join(root, '.bittensor/wallets'), name: 'default', hotkey: 'default' });
  expect(hub).toEqual({ endpoint: 'https://huggingface.co', token: null });
  expect(home).toBe(join(root, '.pt'));
});

test('flags > environment > .env > config file, each with its origin', () => {
  config('netuid: 1\nwallet_name: from-config\n');
  expect([settings().netuid, origin('netuid')]).toEqual([1, `${join(root, '.pt/config.yaml')}:1`]);
  dotenv('# mine\nPT_NETUID=2\n');
  expect([settings().netuid, origin('netuid')]).toEqual([2, `${join(root, '.env')}:2`]);
  env.PT_NETUID = '3';
  expect([settings().netuid, origin('netuid')]).toEqual([3, 'environment PT_NETUID']);
  expect([settings({ netuid: 4 }).netuid, origin('netuid', { netuid: 4 })]).toEqual([4, 'flag --netuid']);
  expect(settings().wallet.name).toBe('from-config');
});

test('a profile in the config file stays text', () => {
  config('profile: 6.0\n');
  expect(settings().profile).toBe('6.0');
});

test.each([
  ['PT_NETWROK', '1', 'Environment: PT_NETWROK is not a setting; did you mean PT_NETWORK?'],
  ['PT_NETUID', 'nine', 'environment PT_NETUID: netuid must be a whole number from 0 to 65535, not "nine"'],
  [
    'PT_PROFILE',
    '3.3',
    'environment PT_PROFILE: profile must be one of those that `pt profiles` lists, or history, not "3.3"; did you mean 3.2 or 6.0?',
  ],
  ['PT_OFFLINE', 'perhaps', 'environment PT_OFFLINE: offline must be true or false, not "perhaps"'],
  [
    'PT_WALLET_HOTKEY',
    '../../etc/passwd',
    'environment PT_WALLET_HOTKEY: wallet-hotkey must be a plain name, not "../../etc/passwd"',
  ],
  [
    'HF_ENDPOINT',
    'ftp://x',
    'environment HF_ENDPOINT: hub-endpoint must be an address (http://… or https://…), not "ftp://x"',
  ],
  [
    'HF_ENDPOINT',
    'https://u:p@h',
    'environment HF_ENDPOINT: hub-endpoint must not hold a user name or password; a token goes into HF_ACCESS_TOKEN',
  ],
  [
    'HF_ENDPOINT',
    'https://h/?x=1',
    'environment HF_ENDPOINT: hub-endpoint must end with host or path: paths are added to it, so nothing may follow a ? in it',
  ],
])('environment %s=%s is an error', (name, value, message) => {
  env[name] = value;
  expect(problem(settings)).toMatchObject({ message, exitCode: 2 });
});

test('.env errors name file and line', () => {
  dotenv('OTHER=1\n\nPT_NETUDI=9\n');
  expect(problem(settings).message).toBe(
    `${join(root, '.env')}:3: PT_NETUDI is not a setting; did you mean PT_NETUID?`,
  );
  dotenv('HF_ACCES_TOKEN=hf_x\n');
  expect(problem(settings).message).toContain(
    '.env:1: HF_ACCES_TOKEN is not a setting; did you mean HF_ACCESS_TOKEN?',
  );
  dotenv('HF_HUB_ENABLE_HF_TRANSFER=1\nHF_HOME=/x\nAWS_SECRET=1\n');
  expect(settings().netuid).toBe(9);
});

test('.env: what stands in a value is in it, a line that is no assignment is named', () => {
  dotenv(`PT_WALLET_NAME=team#2\nBT_WALLET_PASSWORD=" ab#cd "\nPT_WALLET_HOTKEY=${'$'}{WHO} # mine\n`);
  env.WHO = 'me';
  expect(settings().wallet).toMatchObject({ name: 'team#2', hotkey: 'me' });
  expect(settings().walletPassword?.reveal()).toBe(' ab#cd ');
  writeFileSync(join(root, '.env'), Buffer.from('\ufeffPT_WALLET_NAME=mine\r\n', 'utf16le'));
  expect(settings().wallet.name).toBe('mine');
  dotenv('# mine\nhf_abcdefghijklmnop\n');
  expect(problem(settings)).toMatchObject({
    code: 'settings.dotenv',
    message: `${join(root, '.env')}:2: is no assignment (NAME=value)`,
    exitCode: 2,
  });
});

test.each([
  ['netuid: 9\nnetiud: 8\n', ':2: netiud is not a setting; did you mean netuid?'],
  ['a: b: c', ':1:'],
  ['- netuid', ':1: must hold `name: value` lines'],
  [
    '\nhub-token: hf_secret',
    ':2: hub-token is a secret; put HF_ACCESS_TOKEN into the environment or .env instead',
  ],
  ['netuid: [1]', ':1: netuid must be one value'],
])('config file %j is an error with its line', (text, message) => {
  config(text);
  const { message: said, exitCode } = problem(settings);
  expect(said).toContain(`config.yaml${message}`);
  expect(said).not.toContain('hf_secret');
  expect(exitCode).toBe(2);
});

test('tokens: the environment, then .env, then the hf CLI file; never visible', () => {
  mkdirSync(join(root, '.cache/huggingface'), { recursive: true });
  writeFileSync(join(root, '.cache/huggingface/token'), 'hf_file\n');
  expect(settings().hub.token?.reveal()).toBe('hf_file');
  dotenv('HF_TOKEN=hf_dotenv\n');
  expect(settings().hub.token?.reveal()).toBe('hf_dotenv');
  env.HF_TOKEN = 'hf_env';
  expect(settings().hub.token?.reveal()).toBe('hf_env');
  env.HF_ACCESS_TOKEN = 'hf_access';
  const found = settings();
  expect(found.hub.token?.reveal()).toBe('hf_access');
  expect(JSON.stringify(found.rows) + JSON.stringify(found.hub) + inspect(found, { depth: 9 })).not.toMatch(
    /hf_(file|dotenv|env|access)/,
  );
});

test('an unknown network suggests the nearest', () => {
  expect(problem(() => settings({ network: 'fineny' })).message).toContain('Did you mean finney?');
  expect(problem(() => settings({ network: '__proto__' })).code).toBe('settings.network');
});

test("any ws:// address is a chain under the schedule of the profile's release", () => {
  const { network, hub } = settings({ network: 'ws://10.0.0.1:9944' });
  expect(network).toMatchObject({
    kind: 'address',
    endpoints: ['ws://10.0.0.1:9944'],
    schedule: '3.2.0',
  });
  const under = (profile: string) => settings({ network: 'ws://10.0.0.1:9944', profile }).network.schedule;
  expect([under('6.0'), under('history')]).toEqual(['6.0.4', 'schedule']);
  expect(hub.endpoint).toBe('https://huggingface.co');
});

test('the sandbox by name, not running: no endpoint, no token, and a clear error', () => {
  env.HF_TOKEN = 'hf_real';
  const found = settings({ network: 'sandbox' });
  expect(found.hub).toEqual({ endpoint: null, token: null });
  expect(problem(() => chainOptions(found)).code).toBe('sandbox.not_running');
  expect(problem(() => hubOptions(found)).code).toBe('sandbox.not_running');
});

const running = (): SandboxState => ({
  pid: process.pid,
  identity: processIdentity(process.pid)!,
  startedAt: '2026-01-01T00:00:00Z',
  chain: 'ws://127.0.0.1:4321',
  hub: 'http://127.0.0.1:4322',
  netuid: 9,
  spec: 424,
  fork: null,
  token: 'hf_sandboxtoken',
  plays: null,
  wallet: { path: '/sandbox/wallets', name: 'default', hotkey: 'default', ss58: '5F' },
});

test('the running sandbox by name gives everything; a real token never reaches it; flags still win', async () => {
  mkdirSync(join(root, '.pt/sandbox'));
  await writeSandboxState(join(root, '.pt/sandbox'), running());
  env = { HF_TOKEN: 'hf_real', HF_ENDPOINT: 'https://example.org', PT_WALLET_NAME: 'mine' };
  const found = settings({ network: 'sandbox' });
  expect(found.network).toMatchObject({
    kind: 'sandbox',
    endpoints: ['ws://127.0.0.1:4321'],
    schedule: 'schedule.sandbox',
  });
  expect(found.hub.endpoint).toBe('http://127.0.0.1:4322');
  expect(found.hub.token?.reveal()).toBe('hf_sandboxtoken');
  expect(found.wallet).toEqual({ path: '/sandbox/wallets', name: 'default', hotkey: 'default' });
  expect(settings({ network: 'sandbox', 'wallet-name': 'other' }).wallet.name).toBe('other');
  // Who named it, not what it is: there the choice is taken back.
  const originOf = (given: ReturnType<typeof settings>) =>
    given.rows.find(({ key }) => key === 'network')?.origin;
  expect(originOf(found)).toBe('flag --network');
  env = { PT_NETWORK: 'sandbox' };
  expect(originOf(settings({}))).toBe('environment PT_NETWORK');
  env = {};
  writeFileSync(join(root, '.pt/config.yaml'), 'network: sandbox\n');
  expect(originOf(settings({}))).toBe(`${join(root, '.pt/config.yaml')}:1`);
});

test('the sandbox is known by its address too; there the environment wins', async () => {
  mkdirSync(join(root, '.pt/sandbox'));
  await writeSandboxState(join(root, '.pt/sandbox'), running());
  env = { PT_NETWORK: 'ws://localhost:4321', HF_TOKEN: 'hf_env' };
  const found = settings();
  expect(found.network).toMatchObject({ name: 'sandbox', schedule: 'schedule.sandbox' });
  expect(found.hub.token?.reveal()).toBe('hf_env');
  expect(found.wallet.path).toBe('/sandbox/wallets');
  env.PT_NETWORK = 'ws://127.0.0.1:4999';
  expect(settings().network.schedule).toBe('3.2.0');
});

test('a state file of a dead process, or of another process under its id, counts as not running', async () => {
  mkdirSync(join(root, '.pt/sandbox'));
  await writeSandboxState(join(root, '.pt/sandbox'), { ...running(), identity: 'another' });
  expect(settings({ network: 'sandbox' }).sandbox).toBeNull();
  await writeSandboxState(join(root, '.pt/sandbox'), { ...running(), pid: 2 ** 22 + 1 });
  expect(settings({ network: 'sandbox' }).sandbox).toBeNull();
});

test('--offline refuses what is not on this machine', () => {
  const away = settings({ offline: true });
  expect(problem(() => chainOptions(away))).toMatchObject({ code: 'offline.refused' });
  expect(problem(() => hubOptions(away)).message).toContain('--offline: the Hub https://huggingface.co');
  expect(chainOptions(settings({ offline: true, network: 'local' })).loopbackOnly).toBe(true);
});

test('a needed token that is missing: exit 4, names the variable', () => {
  expect(problem(() => hubOptions(settings(), { needToken: true }))).toMatchObject({
    code: 'token.missing',
    exitCode: 4,
  });
});

test('.env.example names every variable, and is valid when every line is taken in', () => {
  const example = readFileSync(join(import.meta.dirname, '../../.env.example'), 'utf8');
  const named = [...example.matchAll(/^#([A-Z_]+)=/gm)].map(([, name]) => name);
  const settable = Object.values(DEFINITIONS).map(({ env: names }) => names[0]);
  expect(settable.filter((name) => !named.includes(name))).toEqual([]);
  dotenv(example.replace(/^#([A-Z_]+=)/gm, '$1'));
  expect(settings().wallet.name).toBe('default');
});

test('every PT_ variable that the code mentions is known', () => {
  const root = join(import.meta.dirname, '../..');
  const files = ['src', 'bin', 'scripts', 'bench', 'python'].flatMap((dir) =>
    readdirSync(join(root, dir), { recursive: true, withFileTypes: true })
      .filter(
        (entry) =>
          entry.isFile() && /\.(ts|mjs|js|py)$/.test(entry.name) && !entry.parentPath.includes('__pycache__'),
      )
      .map((entry) => join(entry.parentPath, entry.name)),
  );
  const mentioned = new Set(
    files.flatMap((file) => readFileSync(file, 'utf8').match(/\bPT_[A-Z][A-Z_]*[A-Z]\b/g) ?? []),
  );
  expect([...mentioned].filter((name) => unknownVariable(name, true))).toEqual([]);
});
