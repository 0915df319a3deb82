/** Before the first step: what keeps the result from being taken where files are locked, however well it trains. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPlace } from '../../src/place.ts';
import { whyRefused } from '../../src/runs/check-start.ts';
import { resolveSettings } from '../../src/settings/index.ts';
import { makeModel } from '../publish/support.ts';

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
  return whyRefused(runDir, await placeOf(profile));
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
