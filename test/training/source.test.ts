import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { chooseSource, configBeside, ignoredSources, type SourceFlags } from '../../src/training/source.ts';

const none: SourceFlags = {
  loadBest: false,
  loadUid: null,
  loadModelDir: null,
  loadModel: null,
  loadModelConfig: null,
};
let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pt-source-'));
  await writeFile(join(dir, 'config.json'), '{}');
  await writeFile(join(dir, 'model.safetensors'), '');
});
afterEach(() => rm(dir, { recursive: true, force: true }));

describe('chooseSource', () => {
  it('starts from scratch when nothing is named', () => {
    expect(chooseSource(none)).toEqual({
      choice: { local: { kind: 'recipe', path: null, config: null } },
      ignored: [],
    });
  });

  it('follows the precedence of the reference and names the flags that lose', () => {
    const all = {
      ...none,
      loadBest: true,
      loadUid: 3,
      loadModelDir: dir,
      loadModel: join(dir, 'model.safetensors'),
    };
    expect(chooseSource(all)).toEqual({
      choice: { remote: 'best' },
      ignored: ['--load-uid', '--load-model-dir', '--load-model'],
    });
    expect(chooseSource({ ...all, loadBest: false }).choice).toEqual({ remote: 3 });
    expect(chooseSource({ ...all, loadBest: false, loadUid: null })).toMatchObject({
      choice: { local: { kind: 'model_dir', path: dir } },
      ignored: ['--load-model'],
    });
  });

  it('says the winner and every loser in one sentence, with the config of a file that loses', () => {
    const file = join(dir, 'model.safetensors');
    expect(ignoredSources(none)).toBeNull();
    expect(ignoredSources({ ...none, loadModel: file, loadModelConfig: 'c.json' })).toBeNull();
    expect(ignoredSources({ ...none, loadUid: 0, loadModelDir: dir })).toBe(
      '--load-uid decides where to start; --load-model-dir is ignored.',
    );
    expect(
      ignoredSources({ ...none, loadModelDir: dir, loadModel: file, loadModelConfig: 'c.json' }),
    ).toMatch(/^--load-model-dir decides .*; --load-model, --load-model-config are ignored\.$/);
  });

  it('refuses a config for a file that is not named', () => {
    for (const start of [none, { ...none, loadModelDir: dir }])
      expect(() => chooseSource({ ...start, loadModelConfig: join(dir, 'config.json') })).toThrow(
        expect.objectContaining({ code: 'usage.load_model_config', exitCode: 2 }),
      );
  });

  it('takes uid 0', () => {
    expect(chooseSource({ ...none, loadUid: 0 }).choice).toEqual({ remote: 0 });
  });

  it('uses the config beside a file unless one is named', async () => {
    const file = join(dir, 'model.safetensors');
    expect(chooseSource({ ...none, loadModel: file }).choice).toMatchObject({
      local: { config: join(dir, 'config.json') },
    });
    const flags = { ...none, loadModel: file };
    expect(configBeside(flags, chooseSource(flags).choice)).toBe(join(dir, 'config.json'));
    const named = { ...flags, loadModelConfig: join(dir, 'config.json') };
    expect(configBeside(named, chooseSource(named).choice)).toBeNull();
    const better = { ...flags, loadModelDir: dir };
    expect(configBeside(better, chooseSource(better).choice)).toBeNull();
    await rm(join(dir, 'config.json'));
    // Heads, rope base and epsilon leave no trace in the tensors: nothing is guessed.
    expect(() => chooseSource({ ...none, loadModel: file })).toThrow(
      expect.objectContaining({ code: 'model.no_config', exitCode: 2 }),
    );
    expect(() => chooseSource({ ...none, loadModel: file })).toThrow(/number of heads/);
    expect(() => chooseSource({ ...none, loadModel: file, loadModelConfig: join(dir, 'x.json') })).toThrow(
      /--load-model-config/,
    );
  });

  it('takes no adapters for a model, and names whose they are', async () => {
    const adapters = join(dir, 'adapters');
    await mkdir(adapters);
    await writeFile(join(adapters, 'adapter_model.safetensors'), '');
    for (const [content, said] of [
      ['{"base_model_name_or_path": "someone/king"}', /adapters of someone\/king, no model/],
      ['{"base_model_name_or_path": null}', /a model that it does not name/],
      ['[', /a model that it does not name/],
    ] as const) {
      await writeFile(join(adapters, 'adapter_config.json'), content);
      expect(() => chooseSource({ ...none, loadModelDir: adapters })).toThrow(said);
    }
    expect(() => chooseSource({ ...none, loadModelDir: adapters })).toThrow(
      expect.objectContaining({ code: 'model.adapter', exitCode: 2 }),
    );
    // A model that somebody left an adapter's config beside is one.
    await writeFile(join(adapters, 'model.safetensors'), '');
    await writeFile(join(adapters, 'config.json'), '{}');
    expect(chooseSource({ ...none, loadModelDir: adapters }).choice).toMatchObject({
      local: { kind: 'model_dir' },
    });
  });

  it('refuses what is not there, no folder, no config, or a pickle', async () => {
    await mkdir(join(dir, 'empty'));
    await writeFile(join(dir, 'model.bin'), '');
    expect(() => chooseSource({ ...none, loadModelDir: join(dir, 'no') })).toThrow(/no folder/);
    expect(() => chooseSource({ ...none, loadModelDir: join(dir, 'empty') })).toThrow(/no config.json/);
    expect(() => chooseSource({ ...none, loadModel: join(dir, 'no.safetensors') })).toThrow(/no file/);
    expect(() => chooseSource({ ...none, loadModel: join(dir, 'model.bin') })).toThrow(
      /pickles are never loaded/,
    );
  });
});
