import { mkdirSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Hub, HubRevision } from '../../src/hub/types.ts';
import {
  contentHashOf,
  hashEverything,
  inspectFolder,
  inspectRemote,
  withFile,
} from '../../src/model/index.ts';
import { hashOf } from '../../src/rules/index.ts';
import {
  f32,
  LLAMA_14B,
  late,
  llamaConfig,
  old,
  safetensors,
  tempDir,
  writeModel,
  writeSparseModel,
} from './support.ts';

const rules = async (dir: string, profile = old) =>
  (await inspectFolder(dir, profile)).problems.map((p) => `${p.rule}:${p.ok}`);

describe('inspectFolder', () => {
  it('tells what a model is without reading its weights', async () => {
    const dir = writeModel(tempDir(), llamaConfig(), { 'README.md': 'hi', 'tokenizer.json': '{}' });
    const facts = await inspectFolder(dir, old);
    expect(facts).toMatchObject({
      architecture: 'LlamaForCausalLM',
      parameters: 2 * 4096 * 8 + 2 * (2 * 8 + 8 * 8 * 2 + 4 * 8 * 2 + 3 * 8 * 16) + 8,
      activeParameters: facts.parameters,
      dtypes: ['F32'],
      hashedFiles: ['config.json', 'model.safetensors'],
      problems: [],
    });
    const sizes = ['config.json', 'model.safetensors', 'README.md', 'tokenizer.json'].map(
      (f) => statSync(join(dir, f)).size,
    );
    expect(facts.bytes).toBe(sizes.reduce((a, b) => a + b, 0));
    expect((await inspectFolder(dir, late)).hashedFiles).toEqual([
      'config.json',
      'model.safetensors',
      'tokenizer.json',
    ]);
  });

  it('hashes what the profile hashes and nothing else', async () => {
    const dir = writeModel(tempDir());
    const before = await contentHashOf(dir, old);
    expect(before).toBe(await hashEverything(dir));
    writeFileSync(join(dir, 'README.md'), 'more');
    writeFileSync(join(dir, 'pytorch_model.bin'), 'pickle');
    expect(await contentHashOf(dir, old)).toBe(before);
    writeFileSync(join(dir, 'generation_config.json'), '{}');
    expect(await contentHashOf(dir, old)).not.toBe(before);
    expect(await contentHashOf(dir, old)).not.toBe(hashOf(''));
  });

  it('counts a sharded 14B model from its headers alone', async () => {
    const dir = tempDir();
    writeSparseModel(dir, LLAMA_14B, 6);
    const facts = await inspectFolder(dir, old);
    expect(facts.problems).toEqual([]);
    expect(facts.parameters).toBeGreaterThan(13.7e9);
    expect(facts.parameters).toBeLessThan(13.9e9);
    expect(facts.bytes).toBeGreaterThan(27e9);
    expect(facts.hashedFiles).toHaveLength(8);
  });

  it('lists everything that is wrong instead of stopping at the first', async () => {
    const dir = tempDir();
    writeSparseModel(dir, llamaConfig(), 2);
    rmSync(join(dir, 'model-00002-of-00002.safetensors'));
    writeFileSync(join(dir, 'config.json'), '{"a": 1, "a"}');
    symlinkSync('/etc/hostname', join(dir, 'out.txt'));
    expect((await rules(dir)).sort()).toEqual(['config:false', 'files:false', 'weights:false']);
  });

  it.each<[string, (dir: string) => void, string]>([
    ['no config', (dir) => rmSync(join(dir, 'config.json')), 'config:false'],
    [
      'pickles only',
      (dir) => renameSync(join(dir, 'model.safetensors'), join(dir, 'pytorch_model.bin')),
      'weights:false',
    ],
    [
      'a truncated file',
      (dir) => writeFileSync(join(dir, 'model.safetensors'), 'short'),
      'safetensors:false',
    ],
    [
      'weights outside the folder',
      (dir) => {
        const other = writeModel(tempDir());
        rmSync(join(dir, 'model.safetensors'));
        symlinkSync(join(other, 'model.safetensors'), join(dir, 'model.safetensors'));
      },
      'files:false',
    ],
    [
      'no format',
      (dir) => writeFileSync(join(dir, 'model.safetensors'), safetensors([f32('a', [1])], null)),
      'weights_format:null',
    ],
    [
      'other shapes',
      (dir) => writeFileSync(join(dir, 'config.json'), JSON.stringify(llamaConfig({ hidden_size: 16 }))),
      'tensors:false',
    ],
    [
      'layers that are not there',
      (dir) => writeFileSync(join(dir, 'config.json'), JSON.stringify(llamaConfig({ num_hidden_layers: 3 }))),
      'tensors:false',
    ],
    ['a config that is a list', (dir) => writeFileSync(join(dir, 'config.json'), '[1]'), 'config:false'],
    [
      'an index that climbs out',
      (dir) => {
        rmSync(join(dir, 'model.safetensors'));
        writeFileSync(
          join(dir, 'model.safetensors.index.json'),
          JSON.stringify({ weight_map: { a: '../x.safetensors' } }),
        );
      },
      'weights:false',
    ],
  ])('finds %s', async (_, spoil, rule) => {
    const dir = writeModel(tempDir());
    spoil(dir);
    expect(await rules(dir)).toContain(rule);
  });

  it('follows a link inside the folder and skips bookkeeping folders', async () => {
    const dir = writeModel(tempDir());
    mkdirSync(join(dir, 'real'));
    renameSync(join(dir, 'model.safetensors'), join(dir, 'real', 'w'));
    symlinkSync(join(dir, 'real', 'w'), join(dir, 'model.safetensors'));
    mkdirSync(join(dir, '.git'));
    writeFileSync(join(dir, '.git', 'x'), 'x'.repeat(1000));
    const facts = await inspectFolder(dir, old);
    expect(facts.problems).toEqual([]);
    expect(facts.files.map((f) => f.path)).toEqual(['config.json', 'model.safetensors', 'real/w']);
  });

  it('says that a folder is missing as an error, exit 2', async () => {
    await expect(inspectFolder('/nowhere/at/all', old)).rejects.toMatchObject({
      code: 'model.missing',
      exitCode: 2,
    });
    const file = join(tempDir(), 'file');
    writeFileSync(file, '');
    await expect(inspectFolder(file, old)).rejects.toMatchObject({ code: 'model.missing' });
  });
});

describe('inspectRemote', () => {
  it('takes few requests and under 1 MB for a 14B model', async () => {
    const dir = tempDir();
    writeSparseModel(dir, LLAMA_14B, 6);
    let requests = 0;
    let bytes = 0;
    // The bytes come from real (sparse) files; only the wire is left out, which test/hub and the end-to-end tests cover.
    const hub = {
      range: (_repo: string, _revision: string, path: string, start: number, end: number) => {
        requests++;
        bytes += end - start;
        return withFile(join(dir, path), path, (source) => source.read(start, end));
      },
    } as unknown as Hub;
    const files = (await readdir(dir)).map((path) => ({
      path,
      size: statSync(join(dir, path)).size,
      oid: '0'.repeat(40),
    }));
    const revision: HubRevision = { repo: 'a/b', commit: '0'.repeat(40), private: false, files };
    const facts = await inspectRemote(hub, revision, old);
    expect(facts.parameters).toBe((await inspectFolder(dir, old)).parameters);
    expect(facts.problems).toEqual([]);
    expect(requests).toBeLessThanOrEqual(10);
    expect(bytes).toBeLessThan(1e6);
  });
});
