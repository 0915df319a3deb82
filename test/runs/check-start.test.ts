/** Before the first step: what keeps the result from being taken where files are locked, however well it trains. */
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPlace } from '../../src/place.ts';
import { finish } from '../../src/progress.ts';
import { publish } from '../../src/publish/index.ts';
import { whyRefused } from '../../src/runs/check-start.ts';
import { resolveSettings } from '../../src/settings/index.ts';
import { makeModel, startRig } from '../publish/support.ts';

let home: string;
let model: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'pt-check-start-'));
  model = await makeModel(join(home, 'model'));
});
afterAll(() => rm(home, { recursive: true, force: true }));

const placeOf = (profile: string) =>
  openPlace(resolveSettings({ flags: { profile }, env: { PT_HOME: home }, cwd: home, home }), { env: {} });

async function said(profile: string, source: object): Promise<string | null> {
  const runDir = await mkdtemp(join(home, 'run-'));
  await writeFile(join(runDir, 'run.json'), JSON.stringify({ version: 1, source }));
  return finish(whyRefused(runDir, true, await placeOf(profile)));
}
const folder = (path: string) => ({ kind: 'model_dir', path, config: null });

describe('a run for a subnet that locks files', () => {
  it('is told that a recipe or a single file has not the files of a king', async () => {
    expect(await said('albedo', { kind: 'recipe', path: null, config: null })).toMatch(
      /albedo locks settings and files .* --load-best/,
    );
    const file = { kind: 'model_file', path: join(model, 'model.safetensors'), config: null };
    expect(await said('albedo', file)).toMatch(/--load-model-dir takes the folder/);
  });

  it('is told what of its start is refused, until nothing is', async () => {
    const before = await said('albedo', folder(model));
    expect(before).toContain(`As it is, ${model} is refused on albedo`);
    expect(before).toContain('files_required');
    const profile = JSON.parse(
      await readFile(join(import.meta.dirname, '../../constants/profiles/albedo.json'), 'utf8'),
    );
    const king = join(home, 'king');
    await mkdir(king);
    for (const name of ['config.json', 'model.safetensors'])
      await writeFile(join(king, name), await readFile(join(model, name)));
    for (const name of profile.files.required)
      if (name !== 'config.json') await writeFile(join(king, name), '{}');
    expect(await said('albedo', folder(king)), 'the files are there, and another thing is wrong').toMatch(
      /numbers alone: dtype: Weights in F32; only F16 and BF16 are taken\.$/,
    );
  });

  it('is told nothing where nothing is locked', async () => {
    expect(await said('3.2', { kind: 'recipe', path: null, config: null })).toBeNull();
  });
});

it('is held beside the king of the chain where it was not loaded from there', async () => {
  const rig = await startRig();
  try {
    const dir = join(rig.home, 'model');
    const { profile } = rig.place;
    const locks = { against: 'king', lock: ['rope_theta'], lock_architectures: 'equal' };
    const place = {
      ...rig.place,
      profile: {
        ...profile,
        config: locks,
        files: { ...profile.files, byte_equal: ['generation_config.json'] },
      } as typeof profile,
    };
    const of = async (path: string, isKing = false, where = place) => {
      const runDir = await mkdtemp(join(rig.home, 'run-'));
      await writeFile(join(runDir, 'run.json'), JSON.stringify({ version: 1, source: folder(path) }));
      return finish(whyRefused(runDir, isKing, where));
    };
    expect(await of(dir), 'nobody is king yet').toMatch(/locks to its king's is not known: No miner/);
    await finish(publish(rig.request({ source: { kind: 'folder', dir, dtype: 'fp32' } }), rig.place));
    expect(await of(dir), 'the very files of the king').toBeNull();
    const other = join(rig.home, 'other');
    await cp(dir, other, { recursive: true });
    const config = JSON.parse(await readFile(join(dir, 'config.json'), 'utf8'));
    await writeFile(join(other, 'config.json'), JSON.stringify({ ...config, rope_theta: 12345 }));
    await writeFile(join(other, 'generation_config.json'), '{"bos_token_id":0}');
    const said = await of(other);
    expect(said).toMatch(/lock:rope_theta: .*12345/);
    expect(said).toContain('generation_config.json');
    expect(await of(other, true), 'what pt loaded as the king is not asked about again').toBeNull();
    expect(await of(other, false, { ...place, reachable: false })).toBeNull();
  } finally {
    await rig.close();
  }
}, 60_000);
