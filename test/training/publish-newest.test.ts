import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { publishNewest } from '../../src/training/index.ts';

let root: string;
let bestDir: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'pt-newest-'));
  bestDir = join(root, 'best');
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** Replaces best/ as the trainer does. */
async function newBest(content: string): Promise<void> {
  const fresh = join(root, '.best.tmp');
  await mkdir(fresh);
  await writeFile(join(fresh, 'model.safetensors'), content);
  await rm(bestDir, { recursive: true, force: true });
  await rename(fresh, bestDir);
}
const read = (dir: string) => readFile(join(dir, 'model.safetensors'), 'utf8');

describe('publishing the newest best model', () => {
  it('tries one at a time, keeps its files while the trainer replaces them, and skips what is old by then', async () => {
    const seen: string[] = [];
    let running = 0;
    const gate = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const newest = publishNewest({
      bestDir,
      onFailure: (error) => expect.unreachable(String(error)),
      async attempt(dir) {
        expect(++running).toBe(1);
        begun.resolve();
        await gate.promise;
        const content = await read(dir);
        seen.push(content);
        running -= 1;
        return content;
      },
    });
    for (const content of ['one', 'two', 'three']) {
      await newBest(content);
      newest.offer();
      await begun.promise;
    }
    gate.resolve();
    expect(await newest.finish()).toBe('three');
    expect(seen).toEqual(['one', 'three']);
    expect(existsSync(`${bestDir}.candidate`)).toBe(false);
  });

  it('tries what is offered while the one before is cleared away', async () => {
    const again = Promise.withResolvers<void>();
    const newest = publishNewest({
      bestDir,
      onFailure: (error) => expect.unreachable(String(error)),
      async attempt(dir) {
        const content = await read(dir);
        if (content === 'one') {
          await newBest('two');
          // Its files are removed in several steps; this comes between them.
          setImmediate(() => {
            newest.offer();
            again.resolve();
          });
        }
        return content;
      },
    });
    await newBest('one');
    newest.offer();
    await again.promise;
    expect(await newest.finish()).toBe('two');
  });

  it('tries what failed again at the end, and throws what then stops it', async () => {
    const failures: unknown[] = [];
    let open = false;
    const attempt = async (dir: string) => {
      if (!open) throw new Error('limit used up');
      return read(dir);
    };
    const newest = publishNewest({ bestDir, attempt, onFailure: (error) => failures.push(error) });
    await newBest('one');
    newest.offer();
    await sleep(50);
    expect(failures).toHaveLength(1);
    await expect(newest.finish()).rejects.toThrow('limit used up');
    open = true;
    expect(await newest.finish()).toBe('one');
  });

  it('gives the last that was published when a later one is not worth it', async () => {
    const newest = publishNewest({
      bestDir,
      onFailure: () => {},
      attempt: async (dir) => ((await read(dir)) === 'good' ? 'good' : null),
    });
    await newBest('good');
    newest.offer();
    await sleep(50);
    await newBest('copy');
    newest.offer();
    expect(await newest.finish()).toBe('good');
  });
});
