/** Every profile whose models lie on a Hub: its texts are listed, its best is found, loaded, verified and checked; a copy of another content is refused. */
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bestUid, subnet } from '../../src/api/graph.ts';
import { createWallet } from '../../src/chain/index.ts';
import { checkTarget } from '../../src/check/index.ts';
import { loadConstants, profileNamed } from '../../src/constants.ts';
import { load } from '../../src/load/index.ts';
import { openFolder, planFolder } from '../../src/model/index.ts';
import { openPlace } from '../../src/place.ts';
import { finish } from '../../src/progress.ts';
import {
  canHaveKing,
  commitmentFor,
  givenFields,
  kingRepo,
  type Profile,
  sealedPlaintext,
  smallForm,
} from '../../src/rules/index.ts';
import { type Sandbox, sandboxDir, startSandbox } from '../../src/sandbox/index.ts';
import { resolveSettings } from '../../src/settings/index.ts';
import { makeModel } from '../publish/support.ts';

const constants = loadConstants();
const names = Object.keys(constants.profiles).filter((name) => canHaveKing(profileNamed(constants, name)));

let home: string;
let sandbox: Sandbox;
let model: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'pt-load-profiles-'));
  sandbox = await startSandbox({ dir: sandboxDir(home), blockTimeMs: 200 });
  model = await makeModel(join(home, 'model'));
  process.env.PT_HOME = home;
});
afterAll(async () => {
  delete process.env.PT_HOME;
  await sandbox?.close();
  await rm(home, { recursive: true, force: true });
});

const placeOf = (profile: string) =>
  openPlace(
    resolveSettings({
      flags: { network: 'sandbox', profile },
      env: { PT_HOME: home },
      cwd: home,
      home,
    }),
    { env: process.env },
  );

/** Values of fields that only a miner knows. */
const given = (profile: Profile): Record<string, string> =>
  Object.fromEntries(
    givenFields(profile)
      .filter(({ needed }) => needed)
      .map(({ name }) => [name, '7']),
  );

it('there are such profiles', () => {
  expect(names).toEqual(expect.arrayContaining(['3.2', '6.0', 'albedo', 'teutonic', 'affine', 'coldint']));
});

describe.each(names)('%s', (name) => {
  it('is listed, found, loaded and checked', async () => {
    const profile = smallForm(name, profileNamed(constants, name), null);
    const place = placeOf(name);
    try {
      const hub = await place.hub({ token: true });
      const { ss58 } = await createWallet({ path: join(home, 'others'), name, hotkey: 'default' });
      const repo = kingRepo(name, profile, { hotkey: ss58, coldkey: ss58 });
      const plan = await finish(
        planFolder(await openFolder(model, profile), { dtype: 'bf16', unchecked: true }),
      );
      await hub.createRepo(repo, { private: false });
      const { commit } = await finish(
        hub.upload({ repo, files: plan.files, message: 'x', createPrivate: false }),
      );
      const text = commitmentFor(profile, {
        repo,
        commit,
        contentHash: plan.contentHash,
        hotkey: ss58,
        fields: given(profile),
      });
      const uid = sandbox.chain!.register(ss58);
      const { min_block: from = 0 } = place.profile.limits;
      if (profile.commit.mode === 'timelock') sandbox.chain!.reveal(ss58, sealedPlaintext(text));
      else sandbox.chain!.write(ss58, text);
      sandbox.chain!.setIncentive({ [uid]: 1 });

      const { miners } = await subnet({ network: 'sandbox', profile: name });
      const mine = miners.find((each) => each.uid === uid)!;
      expect(mine).toMatchObject({ hotkey: ss58, incentive: 1 });
      // A subnet whose first block is far away does not see what a young chain opened.
      if (from > 0) return expect(mine).toMatchObject({ commitment: text, repo: null });
      // 11 names no revision: what it means is the branch, and nothing pins that.
      const pins = name !== 'dippy';
      expect(mine).toMatchObject({ commitment: text, repo, commit: pins ? commit : null });
      expect(await bestUid({ network: 'sandbox', profile: name })).toBe(uid);
      const dir = join(home, `loaded-${name}`);
      const loaded = await finish(load({ source: { kind: 'uid', uid }, dir }, place));
      expect(loaded).toMatchObject({ repo, commit, verified: pins });
      expect(await readdir(dir)).toContain('model.safetensors');
      const target = { kind: 'repo', repo, revision: commit } as const;
      const verdict = await finish(checkTarget({ target }, place));
      expect(verdict).toMatchObject({ profile: name, model: { repo, commit } });
      expect(verdict.findings.some(({ rule }) => rule === 'not_judged')).toBe(
        place.profile.not_judged.length > 0,
      );
    } finally {
      await place.close();
    }
  }, 30_000);
});

describe.each(['resi', 'cancer-ai'])('%s, which pins one file', (name) => {
  it('is loaded from where the branch is now, and nothing but that file counts', async () => {
    const place = placeOf(name);
    try {
      const hub = await place.hub({ token: true });
      const { ss58 } = await createWallet({ path: join(home, 'others'), name, hotkey: 'default' });
      const repo = `me/${name}`;
      const bytes = Buffer.from('no ONNX, and nobody asks');
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      const file = async (path: string, content: Buffer) => ({
        ...{ path, size: content.length, sha256: createHash('sha256').update(content).digest('hex') },
        async *open(start = 0, end = content.length) {
          yield content.subarray(start, end);
        },
      });
      const put = async (...files: [string, Buffer][]) => {
        const all = await Promise.all(files.map(([path, content]) => file(path, content)));
        await finish(hub.upload({ repo, files: all, message: 'x', createPrivate: false }));
      };
      await hub.createRepo(repo, { private: false });
      await put(['model.onnx', bytes], ['evil.pkl', Buffer.from('x')]);
      const text = commitmentFor(place.profile, {
        ...{ repo, commit: '0'.repeat(40), contentHash: null, hotkey: ss58, sha256 },
        fields: { file: 'model.onnx', competition: 'c' },
      });
      const uid = sandbox.chain!.register(ss58);
      if (place.profile.commit.mode === 'timelock') sandbox.chain!.reveal(ss58, sealedPlaintext(text));
      else sandbox.chain!.write(ss58, text);
      const source = { kind: 'uid', uid } as const;
      const dir = join(home, `loaded-${name}`);
      expect(await finish(load({ source, dir }, place))).toMatchObject({ repo, verified: true });
      expect(await readdir(dir)).toEqual(['model.onnx']);
      await put(['model.onnx', Buffer.from('another')]);
      await expect(finish(load({ source, dir: `${dir}-2` }, place))).rejects.toMatchObject({
        ...{ code: 'load.hash_mismatch', message: expect.stringContaining(sha256) },
      });
    } finally {
      await place.close();
    }
  }, 30_000);
});
