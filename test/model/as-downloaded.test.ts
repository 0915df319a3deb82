import { copyFileSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { contentHashOf } from '../../src/model/content-hash.ts';
import { inspectFolder } from '../../src/model/index.ts';
import { verdictOf } from '../../src/rules/index.ts';
import { late, llamaConfig, old, tempDir, writeModel } from './support.ts';

const POINTER = `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 2400000\n`;

describe('a clone without Git LFS', () => {
  it.each(['model.safetensors', 'config.json', 'generation_config.json', 'tokenizer.model'])(
    'with a pointer for %s is refused, and the message says how to fetch it',
    async (file) => {
      for (const profile of [old, late]) {
        const dir = writeModel(tempDir());
        writeFileSync(join(dir, file), POINTER);
        const { problems } = await inspectFolder(dir, profile!);
        expect(verdictOf(problems)).toBe('refused');
        const said = problems.map(({ message }) => message).join(' ');
        expect(said).toContain(`${file}`);
        expect(said).toContain('git lfs pull');
        expect(said).not.toContain('2336927755350992246');
      }
    },
  );
});

/** A model as a cache of the Hub keeps it: `models--me--m/snapshots/COMMIT` of links into `blobs`. */
function cached(): { snapshot: string; blobs: string; plain: string } {
  const plain = writeModel(tempDir());
  const repo = join(tempDir(), 'models--me--m');
  const [snapshot, blobs] = [join(repo, 'snapshots', 'c'.repeat(40)), join(repo, 'blobs')];
  for (const dir of [snapshot, blobs]) mkdirSync(dir, { recursive: true });
  for (const [i, name] of ['config.json', 'model.safetensors'].entries()) {
    copyFileSync(join(plain, name), join(blobs, `blob${i}`));
    symlinkSync(relative(snapshot, join(blobs, `blob${i}`)), join(snapshot, name));
  }
  return { snapshot, blobs, plain };
}

describe('a snapshot in a cache of the Hub', () => {
  it('is the model that its links lead to', async () => {
    const { snapshot, plain } = cached();
    const [through, direct] = [await inspectFolder(snapshot, old!), await inspectFolder(plain, old!)];
    expect(through.problems).toEqual([]);
    expect(through.parameters).toBe(direct.parameters);
    expect(await contentHashOf(snapshot, old!)).toBe(await contentHashOf(plain, old!));
  });

  it('may not lead out of the cache, nor into the blobs of another repository', async () => {
    const { snapshot, blobs } = cached();
    const other = cached();
    for (const target of ['/etc/hostname', join(other.blobs, 'blob0'), join(blobs, '..', 'refs')]) {
      mkdirSync(join(blobs, '..', 'refs'), { recursive: true });
      const name = `link${target.length}`;
      symlinkSync(target, join(snapshot, name));
      const { problems, files } = await inspectFolder(snapshot, old!);
      if (!target.endsWith('refs') || problems.length > 0)
        expect(problems.map(({ message }) => message).join()).toContain(
          `${name} is a link out of the folder`,
        );
      expect(files.map(({ path }) => path)).not.toContain(name);
    }
    // Blobs that are a link themselves lead wherever that one does.
    const moved = cached();
    renameSync(moved.blobs, `${moved.blobs}-elsewhere`);
    symlinkSync(`${moved.blobs}-elsewhere`, moved.blobs);
    expect((await inspectFolder(moved.snapshot, old!)).problems.length).toBeGreaterThan(0);
  });

  it('is only what lies where a cache has it', async () => {
    const { blobs } = cached();
    const dir = tempDir();
    symlinkSync(join(blobs, 'blob0'), join(dir, 'config.json'));
    expect((await inspectFolder(dir, old!)).problems[0]!.message).toContain('is a link out of the folder');
  });
});

it('reads a key that stands twice as json does: the last one counts', async () => {
  const dir = writeModel(tempDir());
  const text = JSON.stringify(llamaConfig());
  writeFileSync(join(dir, 'config.json'), text.replace('{', '{"vocab_size": 3, "model_type": [1],'));
  const { problems, config } = await inspectFolder(dir, old!);
  expect(problems).toEqual([]);
  expect(config.vocab_size).toBe(llamaConfig().vocab_size);
  expect(config).toEqual(JSON.parse(readFileSync(join(dir, 'config.json'), 'utf8')));
});
