/** A model beside a king on the Hub: locks, equal files and near copies, by ranges alone; `king` by the chain. */
import { cpSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CheckRequest, checkTarget } from '../../src/check/index.ts';
import { loadConstants, profileNamed } from '../../src/constants.ts';
import type { Hub } from '../../src/hub/index.ts';
import type { Place } from '../../src/place.ts';
import { finish } from '../../src/progress.ts';
import { publish, type UploadOutcome } from '../../src/publish/index.ts';
import type { Profile } from '../../src/rules/index.ts';
import { makeModel, type Rig, startRig } from '../publish/support.ts';

const constants = loadConstants();
let rig: Rig;
let king: UploadOutcome;
/** The king's folder: its bytes are those on the Hub. */
let dir: string;
let bytes = 0;

beforeAll(async () => {
  rig = await startRig();
  dir = await makeModel(join(rig.home, 'king'), { width: 128, layers: 2 });
  const source = { kind: 'folder', dir, dtype: 'fp32' } as const;
  king = await finish(publish(rig.request({ source, repo: 'me/king' }), rig.place));
});
afterAll(() => rig?.close());

/** Another model, which differs from the king's folder as `change` makes it. */
function changed(name: string, change: (weights: Float32Array, tensor: string) => void): string {
  const to = join(rig.home, name);
  cpSync(dir, to, { recursive: true });
  const path = join(to, 'model.safetensors');
  const file = readFileSync(path);
  const start = 8 + Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.toString('utf8', 8, start)) as Record<
    string,
    { data_offsets: [number, number] }
  >;
  for (const [tensor, { data_offsets }] of Object.entries(header).filter(([key]) => key !== '__metadata__')) {
    const [begin, end] = data_offsets;
    const weights = Float32Array.from({ length: (end - begin) / 4 }, (_, i) =>
      file.readFloatLE(start + begin + 4 * i),
    );
    change(weights, tensor);
    for (const [i, value] of weights.entries()) file.writeFloatLE(value, start + begin + 4 * i);
  }
  writeFileSync(path, file);
  return to;
}

function placeWith(changes: Partial<Profile>): Place {
  const counting = (hub: Hub): Hub => ({
    ...hub,
    range: async (...request) => {
      const read = await hub.range(...request);
      bytes += read.length;
      return read;
    },
  });
  return {
    ...rig.place,
    profile: { ...rig.place.profile, ...changes },
    hub: async (need) => counting(await rig.place.hub(need)),
  };
}

const onHub = (): CheckRequest['against'] => ({ kind: 'repo', repo: king.repo, revision: king.commit });
async function beside(target: string | 'hub', place: Place, against = onHub()) {
  bytes = 0;
  const asked =
    target === 'hub' ? (onHub() as CheckRequest['target']) : { kind: 'folder' as const, dir: target };
  const { findings } = await finish(checkTarget({ target: asked, against }, place));
  return (rule: string) => findings.find((finding) => finding.rule === rule);
}

const copiesOf = (name: string) => ({ copies: profileNamed(constants, name).copies });
const size = () => readFileSync(join(dir, 'model.safetensors')).length;

describe('layer digests', () => {
  it('are held beside those of a king on the Hub, whatever the files are called, and nothing is downloaded for it', async () => {
    const place = placeWith(copiesOf('teutonic'));
    const renamed = join(rig.home, 'renamed');
    cpSync(dir, renamed, { recursive: true });
    renameSync(join(renamed, 'model.safetensors'), join(renamed, 'model-00001-of-00001.safetensors'));
    const map = Object.fromEntries(
      ['model.norm.weight'].map((name) => [name, 'model-00001-of-00001.safetensors']),
    );
    writeFileSync(join(renamed, 'model.safetensors.index.json'), JSON.stringify({ weight_map: map }));
    for (const copy of [dir, renamed, 'hub'] as const)
      expect((await beside(copy, place))('layer_digests')).toMatchObject({
        ok: false,
        message: expect.stringContaining('refused as a copy'),
      });
    expect(bytes).toBeLessThan(size() / 2);
    const other = changed('one-value', (weights, tensor) => {
      if (tensor === 'model.norm.weight') weights[0] = 3;
    });
    expect((await beside(other, place))('layer_digests')).toMatchObject({ ok: true });
    // Another rule of near copies has none.
    expect((await beside(dir, placeWith(copiesOf('albedo'))))('layer_digests')).toBeUndefined();
  }, 60_000);
});

describe('near copies of a king on the Hub', () => {
  it('are told by sampled values, whatever scale, from few bytes', async () => {
    const place = placeWith(copiesOf('albedo'));
    for (const copy of [dir, changed('scaled', (weights) => weights.set(weights.map((w) => w * 2)))]) {
      const near = (await beside(copy, place))('near_copy');
      expect(near).toMatchObject({ ok: false, actual: 1, limit: 0.95 });
      expect(bytes).toBeGreaterThan(0);
      expect(bytes).toBeLessThan(size() / 3);
    }
    expect((await beside('hub', place))('near_copy')).toMatchObject({ ok: false, actual: 1 });
    const other = changed('trained', (weights, tensor) => {
      if (tensor.includes('mlp')) for (const [i, w] of weights.entries()) weights[i] = w + Math.sin(i) / 10;
    });
    const trained = (await beside(other, place))('near_copy')!;
    expect(trained.ok).toBe(true);
    expect(trained.actual).toBeCloseTo(15 / 21, 6);
  });

  it('are told by equal bytes, of the first 64 KiB of tensors', async () => {
    const place = placeWith(copiesOf('teutonic'));
    expect((await beside(dir, place))('near_copy')).toMatchObject({ ok: false, actual: 1 });
    expect(bytes).toBeLessThan(size() / 2);
    const scaled = join(rig.home, 'scaled');
    expect((await beside(scaled, place))('near_copy')).toMatchObject({ ok: true, actual: 0 });
    // As many files, and not all alike: whatever is drawn, that is no copy.
    const one = changed('one', (weights, tensor) => {
      if (tensor === 'model.norm.weight') weights[0]! += 1;
    });
    expect((await beside(one, place))('near_copy')).toMatchObject({ ok: true, actual: 20 / 21 });
  });
});

describe('an exact copy, where the profile has no rule for copies', () => {
  const without = (name: string): Partial<Profile> => {
    const { duel, copies } = profileNamed(constants, name);
    return { duel, copies, pretraining: null, config: null };
  };

  it.each(['affine', 'coldint', 'finetuning'])('%s: loses', async (name) => {
    const place = placeWith(without(name));
    expect((await beside(dir, place))('copy')).toMatchObject({
      ok: false,
      verdict: 'cannot_score',
      actual: 1,
    });
    expect((await beside(join(rig.home, 'one'), place))('copy')).toMatchObject({ ok: true, actual: 20 / 21 });
  });

  it.each(['evolai', 'connito', 'dippy'])(
    '%s: is told, and what becomes of it is not known',
    async (name) => {
      const found = (await beside(dir, placeWith(without(name))))('copy');
      expect(found).toMatchObject({ ok: null, verdict: 'unknown', actual: 1 });
      expect(found!.message).toContain('copy of the king');
    },
  );

  it('is told of ONNX files by their bytes', async () => {
    const onnx = (name: string, text: string) => {
      const folder = join(rig.home, name);
      mkdirSync(folder);
      writeFileSync(join(folder, 'model.onnx'), text);
      return folder;
    };
    const [king, copy, other] = [onnx('k', 'a model'), onnx('c', 'a model'), onnx('o', 'another')];
    const { files, duel } = profileNamed(constants, 'resi');
    const place = placeWith({ files, duel, copies: undefined, pretraining: null });
    const against = { kind: 'folder', dir: king } as const;
    expect((await beside(copy, place, against))('copy')).toMatchObject({ ok: false, actual: 1 });
    expect((await beside(other, place, against))('copy')).toMatchObject({ ok: true, actual: 0 });
  });
});

describe('a king on the Hub', () => {
  const locked: Partial<Profile> = {
    config: {
      ...profileNamed(constants, 'albedo').config!,
      lock: ['hidden_size', 'rope_theta'],
      forbid_keys: [],
    },
    files: { ...profileNamed(constants, '3.2').files, byte_equal: ['generation_config.json'] },
  };

  it('locks settings and files, by name and by the chain', async () => {
    const place = placeWith(locked);
    expect((await beside(dir, place))('locks')).toMatchObject({ ok: true });
    expect((await beside(dir, place))('byte_equal')).toMatchObject({ ok: true });
    const by = await beside(dir, place, { kind: 'king' });
    expect(by('byte_equal')).toMatchObject({ ok: true });
    const other = join(rig.home, 'other');
    cpSync(dir, other, { recursive: true });
    const config = JSON.parse(readFileSync(join(dir, 'config.json'), 'utf8'));
    writeFileSync(join(other, 'config.json'), JSON.stringify({ ...config, rope_theta: 5 }));
    writeFileSync(join(other, 'generation_config.json'), '{"bos_token_id": 1}');
    const refused = await beside(other, place, { kind: 'king' });
    expect(refused('lock:rope_theta')).toMatchObject({ ok: false, actual: 5, limit: null });
    expect(refused('byte_equal')).toMatchObject({ ok: false, actual: ['generation_config.json'] });
  });

  it('that is not there is an error, and so is a subnet without one', async () => {
    const place = placeWith(locked);
    await expect(beside(dir, place, { kind: 'repo', repo: 'me/none', revision: null })).rejects.toMatchObject(
      {
        code: 'hub.no_revision',
      },
    );
    const empty = {
      ...place,
      netuid: 9,
      competition: null,
      chain: async () =>
        Object.create(await rig.place.chain(), {
          store: {
            value: async () => ({ ...(await (await rig.place.chain()).store(9)), entries: new Map() }),
          },
        }),
    };
    await expect(beside(dir, empty, { kind: 'king' })).rejects.toMatchObject({ code: 'load.no_model' });
  });
});
