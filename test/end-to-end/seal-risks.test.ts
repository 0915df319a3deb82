/** What goes wrong with a commitment is said before a byte is uploaded; on the new rule set (spec 446), which keeps a seal that it could not open. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { loadConstants, profileNamed } from '../../src/constants.ts';
import { type Sandbox, sandboxDir, startSandbox } from '../../src/sandbox/index.ts';
import { rpc } from '../chain/support.ts';
import { type Ran, runPt } from '../commands/run-pt.ts';
import { makeModel } from '../publish/support.ts';

const EPOCH_BLOCKS = 5;
let home: string;
let model: string;
let sandbox: Sandbox;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'pt-seal-risks-'));
  sandbox = await startSandbox({ dir: sandboxDir(home), blockTimeMs: 200, tempo: 30, spec: 446 });
  model = await makeModel(join(home, 'model'));
  const albedo = profileNamed(loadConstants(), 'albedo');
  const write = (name: string, profile: object) =>
    writeFile(join(home, 'mine', `${name}.json`), JSON.stringify(profile));
  await mkdir(join(home, 'mine'));
  await write('short', { ...albedo, commit: { ...albedo.commit, max_bytes: 60 } });
  await write('coldkey', {
    ...albedo,
    repo: { contains: [{ of: 'coldkey', take: [5, 5], where: 'id', case: 'any' }] },
  });
  const { blocks: _, ...sealed } = albedo.commit as { blocks?: number };
  const boundary = { epoch_blocks: EPOCH_BLOCKS, margin: 1 };
  await write('epoch', { ...albedo, commit: { ...sealed, boundary } });
  const format = {
    kind: 'json',
    style: 'compact',
    keys: [
      ['m', 'repo'],
      ['r', 'pin'],
      ['note', 'note'],
    ],
  };
  await write('long', { netuid: 9, commit: { mode: 'plain', max_bytes: 512, format } });
});
afterEach(() => sandbox.chain!.setFaults({}));
afterAll(async () => {
  await sandbox?.close();
  await rm(home, { recursive: true, force: true });
});

const pt = (profile: string, ...args: string[]) =>
  runPt([...args, '--json'], {
    env: { PT_HOME: home, PT_NETWORK: 'sandbox', PT_PROFILES: join(home, 'mine'), PT_PROFILE: profile },
  });
const repo = (name: string) => `me/albedo-qwen3.6-35b-${name}`;
/** An epoch has room for nine seals, and here are more: it is short, and what does not fit waits. */
const upload = (profile: string, name: string, ...more: string[]) =>
  pt(
    profile,
    ...['upload', '--load-model-dir', model, '--hf-repo-id', name, '--no-check', '--yes', '--wait'],
    ...more,
  );
const codeOf = (ran: Ran) => (ran.json().error as { code: string } | undefined)?.code;

/** What a run sent to the Hub beyond reading, and how many extrinsics were included meanwhile. */
async function sentBy(work: () => Promise<Ran>): Promise<{ ran: Ran; writes: number; extrinsics: number }> {
  const nonce = () => rpc<number>(sandbox.state.chain, 'system_accountNextIndex', sandbox.state.wallet.ss58);
  const [before, from] = [await nonce(), sandbox.hub.requests.length];
  const ran = await work();
  const writes = sandbox.hub.requests.slice(from).filter(({ method }) => !['GET', 'HEAD'].includes(method));
  return { ran, writes: writes.length, extrinsics: (await nonce()) - before };
}

describe('an error by name, with nothing sent', () => {
  it.each([
    ['a text over the limit', 'short', repo('a'), [], 'commitment.invalid', 'fit on chain'],
    ['a name that the profile refuses', 'albedo', 'me/other', [], 'repo.invalid', 'albedo-qwen'],
    ['a field that pt fills in', 'albedo', repo('a'), ['--field', 'pin=main'], 'usage.field', 'by pt itself'],
    ['a round that is over', 'albedo', repo('a'), ['--round', '900'], 'seal.round_past', 'Round 900'],
  ])('%s', async (_, profile, name, more, code, words) => {
    const { ran, writes, extrinsics } = await sentBy(() => upload(profile, name, ...more));
    expect(codeOf(ran), ran.stderr).toBe(code);
    expect((ran.json().error as { message: string }).message).toContain(words);
    expect([writes, extrinsics]).toEqual([0, 0]);
  });

  it("a name without the characters of the coldkey, which is the chain's owner of the hotkey", async () => {
    const ran = await pt('coldkey', 'upload', '--load-model-dir', model, '--hf-repo-id', 'me/x', '--yes');
    // The sandbox's hotkey owns itself.
    const { ss58 } = sandbox.state.wallet;
    expect(codeOf(ran)).toBe('check.rejected');
    expect(ran.json().error).toMatchObject({
      message: expect.stringContaining(`contain ${ss58.slice(0, 5)}${ss58.slice(-5)}`),
    });
  });
});

it('a plan says that it seals, how large, and when it is opened; and warns of clock and beacon', async () => {
  sandbox.chain!.setFaults({ clockMs: -300_000, beaconLate: true });
  await sandbox.chain!.seal();
  const ran = await upload('albedo', repo('a'), '--dry-run', '--wait-reveal');
  const plan = ran.json() as { steps: { step: string; detail: string }[] };
  const detail = (name: string) => plan.steps.find(({ step }) => step === name)?.detail;
  expect(detail('commit'), ran.stderr).toMatch(/sealed, \d{3} bytes, opened in round 1000/);
  expect(detail('public')).toContain('when the seal is due');
  expect(detail('reveal')).toContain('opens the seal');
  expect(ran.stderr).toMatch(
    /clock is (299|30\d) s ahead of the chain's; the round is computed from the chain's/,
  );
  expect(ran.stderr).toMatch(/The beacon is late there: the chain knows rounds up to 899/);
  const far = await upload('albedo', repo('a'), '--dry-run', '--round', '2000');
  expect(far.stderr).toMatch(/Round 2000 is out only in about \d+ days/);
});

it('a seal that the chain could not open is kept as failed, named, and a risk of the next one', async () => {
  sandbox.chain!.setFaults({ sealsBroken: true });
  expect(codeOf(await upload('albedo', repo('b'), '--wait-reveal'))).toBe('seal.not_opened');
  const status = (await pt('albedo', 'status', '--mine')).json();
  expect(status).toMatchObject({ neurons: [{ state: 'failed', seal: { round: 1000 }, repo: null }] });
  sandbox.chain!.setFaults({});
  // The same text is not sealed again in silence, and another one says what became of the last.
  expect(codeOf(await upload('albedo', repo('b')))).toBe('seal.not_opened');
  const other = await upload('albedo', repo('c'), '--wait-reveal');
  expect(other.stderr).toContain('An earlier seal of this hotkey could not be opened.');
  expect(other.json()).toMatchObject({ seal: { state: 'revealed' }, public: true });
  // What the error says to type does it, once.
  sandbox.chain!.setFaults({ sealsBroken: true });
  expect(codeOf(await upload('albedo', repo('b2'), '--wait-reveal'))).toBe('seal.not_opened');
  sandbox.chain!.setFaults({});
  const anew = await sentBy(() => upload('albedo', repo('b2'), '--resume', '--replace', '--wait-reveal'));
  expect(anew.ran.json(), anew.ran.stderr).toMatchObject({ seal: { state: 'revealed' }, public: true });
  expect(anew.extrinsics).toBe(1);
}, 120_000);

it('a pending seal is refused before the upload', async () => {
  sandbox.chain!.setFaults({ beaconLate: true });
  const pending = await upload('albedo', repo('d'));
  expect(pending.json()).toMatchObject({ seal: { state: 'sealed' } });
  expect(pending.stderr).toContain('although the beacon is late');
  const { ran, writes, extrinsics } = await sentBy(() => upload('albedo', repo('e')));
  expect([codeOf(ran), writes, extrinsics]).toEqual(['seal.pending', 0, 0]);
  sandbox.chain!.setFaults({});
  expect((await upload('albedo', repo('d'), '--wait-reveal')).json()).toMatchObject({
    seal: { state: 'revealed' },
  });
}, 120_000);

/** Signs and sends while the pool keeps everything, and lets it in once `faults` hold, an epoch of the profile "epoch" later. */
async function includedLate(profile: string, name: string, faults: object, ...more: string[]): Promise<Ran> {
  sandbox.chain!.setFaults({ holdExtrinsics: true });
  const running = upload(profile, name, ...more);
  const pending = () => rpc<string[]>(sandbox.state.chain, 'author_pendingExtrinsics');
  await expect.poll(async () => (await pending()).length, { timeout: 60_000 }).toBe(1);
  const height = async () =>
    Number((await rpc<{ number: string }>(sandbox.state.chain, 'chain_getHeader')).number);
  const sent = await height();
  await expect.poll(height, { timeout: 60_000 }).toBeGreaterThan(sent + EPOCH_BLOCKS);
  sandbox.chain!.setFaults(faults);
  return running;
}

it('a round that passes between signing and inclusion is named: what was sealed hides nothing, and its epoch may be over', async () => {
  const late = await includedLate('epoch', repo('late'), { roundOut: true }, '--wait-reveal');
  expect(late.json(), late.stderr).toMatchObject({ seal: { round: 1000, state: 'revealed', late: true } });
  expect(late.stderr).toMatch(
    /Round 1000 was out before the chain took the seal in block \d+: nothing was hidden/,
  );
  expect(late.stderr).toMatch(/after block \d+, so validators count it in the next epoch/);
  sandbox.chain!.setFaults({});
  // One in time is not, and the same again keeps to what was found.
  const inTime = await upload('epoch', repo('in-time'), '--wait-reveal');
  expect(inTime.json(), inTime.stderr).toMatchObject({ seal: { state: 'revealed', late: false } });
  expect(inTime.stderr).not.toContain('nothing was hidden');
}, 120_000);

it('the repository becomes public when its seal is due, and not earlier', async () => {
  const read = async () => (await fetch(`${sandbox.state.hub}/api/models/${repo('due')}`)).status;
  sandbox.chain!.setFaults({ dueInSeconds: 35 });
  sandbox.chain!.seal();
  const running = upload('albedo', repo('due'), '--blocks', '20', '--wait-reveal');
  const state = async () =>
    (await pt('albedo', 'status', '--mine')).json() as { neurons: { state: string }[] };
  await expect.poll(async () => (await state()).neurons[0]?.state, { timeout: 30_000 }).toBe('sealed');
  expect(await read()).toBe(401);
  // By the chain's clock it is due now.
  sandbox.chain!.setFaults({ dueInSeconds: 35, clockMs: 60_000 });
  const ran = await running;
  expect(ran.json(), ran.stderr).toMatchObject({
    public: true,
    seal: { round: 1000, state: 'revealed', late: false },
  });
  expect(ran.stderr).toContain('stays private until the seal is due');
  expect(await read()).toBe(200);
}, 90_000);

it('a round whose signature the chain keeps no more opens no seal: failed, named, and nothing is made public', async () => {
  const { ran, extrinsics } = await sentBy(() => includedLate('albedo', repo('old'), { pulseExpired: true }));
  expect([codeOf(ran), extrinsics], ran.stderr).toEqual(['seal.expired', 1]);
  await expect
    .poll(async () => (await pt('albedo', 'status', '--mine')).json(), { timeout: 20_000 })
    .toMatchObject({ neurons: [{ state: 'failed', seal: { round: 1000 } }] });
  const seen = await fetch(`${sandbox.state.hub}/api/models/${repo('old')}`);
  expect(seen.status).toBe(401);
}, 120_000);

it('a plain text of more than 128 bytes is written and read where the profile has room for it', async () => {
  const ran = await upload('long', 'me/long', '--field', `note=${'x'.repeat(200)}`);
  expect(ran.code, ran.stderr).toBe(0);
  const { commitment, commit } = ran.json() as { commitment: string; commit: string };
  expect(Buffer.byteLength(commitment)).toBeGreaterThan(128);
  const status = (await pt('long', 'status', '--mine')).json();
  expect(status).toMatchObject({ neurons: [{ state: 'plain', commitment, commit, repo: 'me/long' }] });
}, 60_000);
