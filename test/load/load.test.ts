import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type LoadRequest, load, readStatus } from '../../src/load/index.ts';
import type { Place } from '../../src/place.ts';
import { finish } from '../../src/progress.ts';
import { publish, type UploadOutcome } from '../../src/publish/index.ts';
import { runPt } from '../commands/run-pt.ts';
import { makeModel, type Rig, startRig } from '../publish/support.ts';

let rig: Rig & { dir: string };
let place: Place;
let published: UploadOutcome;
let count = 0;

beforeAll(async () => {
  rig = await startRig();
  const dir = await makeModel(join(rig.home, 'strays'), { seed: 9, strays: true });
  await writeFile(join(dir, 'tokenizer.json'), '{"a": 1}');
  published = await finish(
    publish(rig.request({ source: { kind: 'folder', dir, dtype: 'bf16' } }), rig.place),
  );
  const stranger = rig.hub.anonymous();
  place = { ...rig.place, hub: async () => stranger };
});
afterAll(() => rig?.close());
afterEach(() => rig.sandbox.hub.setFaults([]));

const target = () => {
  count += 1;
  return join(rig.home, 'loads', String(count), 'model');
};
const request = (changes: Partial<LoadRequest> = {}): LoadRequest => ({
  source: { kind: 'best' },
  dir: target(),
  ...changes,
});
const run = (changes: Partial<LoadRequest> = {}, at: Place = place) => finish(load(request(changes), at));

/** Puts any text on chain for the throwaway hotkey. */
const commit = (text: string) => rig.chain.commit({ netuid: 9, text, hotkey: rig.hotkey });

/** Nothing at all lies where the model would have gone, nor beside it. */
async function expectNothing(dir: string) {
  const parent = join(dir, '..');
  expect(existsSync(parent) ? await readdir(parent) : []).toEqual([]);
}

describe('load', () => {
  it('downloads what loading needs, verified against the chain, and is done the second time', async () => {
    const dir = target();
    const outcome = await run({ dir });
    expect(outcome).toEqual({
      uid: 1,
      repo: 'me/first',
      commit: published.commit,
      dir,
      contentHash: published.contentHash,
      verified: true,
    });
    expect((await readdir(dir)).sort()).toEqual([
      'config.json',
      'generation_config.json',
      'model.safetensors',
      'tokenizer.json',
    ]);
    const mark = rig.sandbox.hub.requests.length;
    expect(await run({ dir, source: { kind: 'uid', uid: 1 } })).toEqual(outcome);
    expect(
      rig.sandbox.hub.requests.slice(mark).some(({ step }) => step === 'cdn' || step === 'resolve'),
    ).toBe(false);
  });

  it('makes a folder of its own when none is named', async () => {
    const { dir } = await run({ dir: null });
    expect(dir).toBe(join(rig.home, 'models', `me--first@${published.commit!.slice(0, 12)}`));
    expect(
      await run({ dir: null, source: { kind: 'repo', repo: 'me/first', revision: null } }),
    ).toMatchObject({
      dir,
      uid: null,
      verified: false,
    });
  });

  it('leaves a folder with other files alone unless told to replace it', async () => {
    const dir = target();
    await mkdir(dir, { recursive: true });
    await writeFile(join(dir, 'precious.txt'), 'mine');
    await expect(run({ dir })).rejects.toMatchObject({ code: 'load.target_not_empty', exitCode: 2 });
    expect(await readFile(join(dir, 'precious.txt'), 'utf8')).toBe('mine');
    await run({ dir, force: true });
    expect(await readdir(dir)).not.toContain('precious.txt');
    expect(await readdir(join(dir, '..'))).toEqual(['model']);
  });

  it('refuses bytes that are not what the Hub lists, and goes on when they are right again', async () => {
    const dir = target();
    rig.sandbox.hub.setFaults([
      { match: 'GET .*model.safetensors', does: { kind: 'corrupt', offset: 5000 } },
      { step: 'cdn', does: { kind: 'corrupt', offset: 5000 } },
    ]);
    await expect(run({ dir })).rejects.toMatchObject({ code: 'hub.content_mismatch' });
    await expectNothing(dir);
    rig.sandbox.hub.setFaults([]);
    expect(await run({ dir })).toMatchObject({ verified: true });
    expect(await readdir(join(dir, '..'))).toEqual(['model']);
  });

  it('refuses a repository larger than its competition allows, before a byte of it', async () => {
    const { schedule } = place;
    const small = structuredClone(schedule);
    for (const period of small.periods) for (const each of period.competitions) each.max_bytes = 1000;
    const dir = target();
    await expect(run({ dir }, { ...place, schedule: small })).rejects.toMatchObject({
      code: 'load.too_large',
      exitCode: 3,
    });
    await expectNothing(dir);
  });

  it('says who is not there', async () => {
    await expect(run({ source: { kind: 'uid', uid: 77 } })).rejects.toMatchObject({
      code: 'load.no_uid',
      exitCode: 2,
    });
    await expect(run({ source: { kind: 'uid', uid: 0 } })).rejects.toMatchObject({
      code: 'load.no_commitment',
      exitCode: 3,
    });
    const missing = { kind: 'repo' as const, repo: 'nobody/nothing', revision: null };
    await expect(run({ source: missing })).rejects.toMatchObject({ code: 'load.not_on_hub', exitCode: 5 });
  });

  // These replace the commitment of the throwaway hotkey, so they come last.
  it('refuses content that is not what the chain says and leaves nothing behind', async () => {
    const other = `${'B'.repeat(43)}=`;
    await commit(`me:first:${published.commit}:${other}`);
    const dir = target();
    await expect(run({ dir })).rejects.toMatchObject({ code: 'load.hash_mismatch', exitCode: 3 });
    await expectNothing(dir);
    const empty = target();
    await mkdir(empty, { recursive: true });
    await expect(run({ dir: empty })).rejects.toMatchObject({ exitCode: 3 });
    expect(await readdir(empty)).toEqual([]);
    const status = await readStatus({ hotkey: rig.hotkey.ss58, mine: true }, place);
    expect(status.neurons).toHaveLength(1);
    expect(status.neurons[0]!.repository).toMatchObject({ public: true, unchanged: false });
  });

  it.each([
    'no model at all',
    `../../x:y:${'a'.repeat(40)}:h`,
    '\u001b[31mred\u202e:x:y',
    'me:first:main:hash',
  ])('finds no model in %j', async (text) => {
    await commit(text);
    const dir = target();
    await expect(run({ dir })).rejects.toMatchObject({ code: 'load.no_model', exitCode: 3 });
    await expect(run({ dir, source: { kind: 'uid', uid: 1 } })).rejects.toMatchObject({
      code: 'load.unreadable_commitment',
      exitCode: 3,
    });
    await expectNothing(dir);
    const status = await readStatus({ hotkey: rig.hotkey.ss58, mine: false }, place);
    expect(status).toMatchObject({ bestUid: null, registered: true, limit: { allowed: true } });
    expect(status.neurons.find(({ uid }) => uid === 1)).toMatchObject({ commitment: text });

    const ran = await runPt(['status', '--json'], { env: { PT_HOME: rig.home, PT_NETWORK: 'sandbox' } });
    expect(ran.stdout.trimEnd()).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    expect((ran.json().neurons as { commitment: string }[]).map(({ commitment }) => commitment)).toContain(
      text,
    );
  });
});

it('brings the tokenizers that are there for some release, whichever of them is taken', async () => {
  const dir = await makeModel(join(rig.home, 'versioned'), { seed: 10 });
  // Validators of 6.0 hash tokenizer.4.44.0.json alone (test/model/tokenizer-files.test.ts); a newer release takes tokenizer.5.0.0.json.
  const listed = ['tokenizer.json', 'tokenizer.4.44.0.json', 'tokenizer.5.0.0.json'];
  for (const file of listed) await writeFile(join(dir, file), '{}');
  await writeFile(
    join(dir, 'tokenizer_config.json'),
    JSON.stringify({ tokenizer_class: 'PreTrainedTokenizerFast', fast_tokenizer_files: listed }),
  );
  await writeFile(join(dir, 'tokenizer.bin'), 'x');
  const order = rig.request({ source: { kind: 'folder', dir, dtype: 'bf16' }, noCheck: true });
  const { commit: revision } = await finish(publish({ ...order, repo: 'me/versioned' }, rig.place));
  const loaded = await run({ source: { kind: 'repo', repo: 'me/versioned', revision } });
  expect((await readdir(loaded.dir)).filter((name) => name.startsWith('tokenizer')).sort()).toEqual(
    [...listed, 'tokenizer_config.json'].sort(),
  );
});
