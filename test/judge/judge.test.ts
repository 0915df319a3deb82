/** A sandbox that plays Affine: its king, what its validator refuses and why, and a challenger that wins. */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createWallet } from '../../src/chain/index.ts';
import { loadConstants, profileNamed } from '../../src/constants.ts';
import { sealedPlaintext } from '../../src/rules/index.ts';
import { type Sandbox, sandboxDir, startSandbox, type Throne } from '../../src/sandbox/index.ts';
import { runPt } from '../commands/run-pt.ts';

let home: string;
let sandbox: Sandbox;
let king: string;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'pt-judge-'));
  // With Albedo's way to decide, whose king is larger: what is played of it is that a challenger must win twice.
  const duel = profileNamed(loadConstants(), 'albedo').duel;
  const profile = { ...profileNamed(loadConstants(), 'affine'), duel };
  const plays = { name: 'affine', profile, env: process.env };
  sandbox = await startSandbox({ dir: sandboxDir(home), blockTimeMs: 200, plays });
  king = join(home, 'king');
}, 180_000);
afterAll(async () => {
  await sandbox?.close();
  await rm(home, { recursive: true, force: true });
});

const pt = async (...args: string[]) => {
  const ran = await runPt([...args, '--json'], { env: { PT_HOME: home, PT_NETWORK: 'sandbox' } });
  return { ...ran, out: () => ran.json() as Record<string, unknown> };
};
const text = (repo: string, commit: string) => `{"model": "${repo}", "revision": "${commit}"}`;

/** A hotkey of its own, with these texts opened by the chain. */
async function stranger(name: string, ...texts: ((hotkey: string) => string)[]): Promise<string> {
  const wallet = await createWallet({ path: join(home, 'strangers'), name, hotkey: 'default' });
  sandbox.chain!.register(wallet.ss58);
  for (const each of texts) sandbox.chain!.reveal(wallet.ss58, sealedPlaintext(each(wallet.ss58)));
  return wallet.ss58;
}

/** A copy of the king's folder, with another config or with a head of zeros: then every token is equally likely, and random weights do worse. */
async function variant(name: string, change: { hidden_size?: number; zeroHead?: boolean }): Promise<string> {
  const dir = join(home, name);
  await cp(king, dir, { recursive: true });
  if (change.hidden_size !== undefined) {
    const config = JSON.parse(await readFile(join(dir, 'config.json'), 'utf8'));
    config.text_config.hidden_size = change.hidden_size;
    await writeFile(join(dir, 'config.json'), JSON.stringify(config));
  }
  if (change.zeroHead) {
    const file = join(dir, 'model.safetensors');
    const bytes = await readFile(file);
    const start = 8 + Number(bytes.readBigUInt64LE(0));
    const header = JSON.parse(bytes.subarray(8, start).toString('utf8'));
    const [from, to] = header['lm_head.weight'].data_offsets as [number, number];
    bytes.fill(0, start + from, start + to);
    await writeFile(file, bytes);
  }
  return dir;
}

test('there is a king: named by a text that is opened, paid, loadable, and what commands go by', async () => {
  const { plays } = sandbox.state;
  expect(plays).toMatchObject({ profile: 'affine-sandbox', of: 'affine' });
  const status = (await pt('status')).out();
  expect(status).toMatchObject({
    netuid: 120,
    neurons: [
      { hotkey: plays!.king!.hotkey, incentive: 1, state: 'revealed', repo: plays!.king!.repo },
      {},
      {},
    ],
  });
  const loaded = await pt('load-best', '--dir', king);
  expect(loaded.out(), loaded.stderr).toMatchObject({ repo: plays!.king!.repo, verified: true });
  const checked = (await pt('check', king, '--against', king)).out();
  // The king itself: taken, and no better than the king.
  expect(checked).toMatchObject({ profile: 'affine-sandbox', accepted: true, verdict: 'cannot_score' });
  const env = (await pt('sandbox', 'env')).out();
  expect(env).toMatchObject({ env: { PT_PROFILE: 'affine-sandbox', PT_PROFILES: plays!.profiles } });
}, 60_000);

test('what the subnet refuses is refused, with the reason', async () => {
  const { repo, commit } = sandbox.state.plays!.king!;
  const gone = 'a'.repeat(40);
  const named = await stranger('named', () => text(repo, commit));
  const twice = await stranger(
    'twice',
    (hotkey) => text(`me/affine-${hotkey}`, gone),
    (hotkey) => text(`me/affine-${hotkey}`, commit),
  );
  const hidden = await stranger('hidden', (hotkey) => text(`me/affine-${hotkey}`, gone));
  const garbled = await stranger('garbled', () => 'v7|me/affine-x|main');
  const sized = await stranger('sized');
  const dir = await variant('larger', { hidden_size: 256 });
  const other = await pt(
    ...['upload', '--load-model-dir', dir, '--hf-repo-id', `me/affine-${sized}`, '--no-check', '--yes'],
    ...['--wallet-path', join(home, 'strangers'), '--wallet-name', 'sized', '--wait-reveal'],
  );
  expect(other.code, other.stderr).toBe(0);

  const judged = await pt('sandbox', 'judge');
  const throne = judged.out() as unknown as Throne;
  const reason = (hotkey: string) => throne.verdicts.find((each) => each.hotkey === hotkey);
  expect(reason(named), judged.stderr).toMatchObject({
    outcome: 'refused',
    reason: expect.stringContaining('must end with'),
  });
  expect(reason(twice)).toMatchObject({ outcome: 'refused', reason: expect.stringContaining('2 reveals') });
  expect(reason(garbled)).toMatchObject({ outcome: 'unreadable', repo: null, text: 'v7|me/affine-x|main' });
  expect(reason(hidden)).toMatchObject({ outcome: 'refused', reason: expect.stringContaining('not there') });
  expect(reason(sized)).toMatchObject({ outcome: 'refused', reason: expect.stringContaining('sizes') });
  expect(throne.king).toBe(sandbox.state.plays!.king!.hotkey);
  expect((await pt('sandbox', 'status')).out()).toMatchObject({ throne });
}, 120_000);

test('a better model is sealed, opened, judged and paid; a second seal is refused before it is sent', async () => {
  const { ss58 } = sandbox.state.wallet;
  const dir = await variant('better', { zeroHead: true });
  const upload = (repo: string) =>
    pt('upload', '--load-model-dir', dir, '--hf-repo-id', repo, '--yes', '--wait-reveal');
  expect((await upload('me/affine-x')).out()).toMatchObject({ error: { code: 'check.rejected' } });
  const sent = await upload(`me/affine-${ss58}`);
  expect(sent.out(), sent.stderr).toMatchObject({ seal: { state: 'revealed' }, public: true });
  const judged = await pt('sandbox', 'judge');
  expect(judged.out(), judged.stderr).toMatchObject({ king: ss58 });
  const { verdicts } = judged.out() as unknown as Throne;
  expect(verdicts.find(({ hotkey }) => hotkey === ss58)).toMatchObject({
    outcome: 'won',
    reason: expect.stringMatching(/^round 1 of 2: .*; round 2 of 2: /),
  });
  expect((await pt('status', '--mine')).out()).toMatchObject({ neurons: [{ incentive: 1 }] });
  // Judged once: the next round has nothing to do.
  expect((await pt('sandbox', 'judge')).out()).toEqual(judged.out());
  const again = await upload(`me/affine-2-${ss58}`);
  expect(again.out()).toMatchObject({ error: { code: 'seal.spent' } });
}, 180_000);
