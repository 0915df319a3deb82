import { copyFile, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { connect } from '../../src/chain/index.ts';
import { readCachedMetadata, writeCachedMetadata } from '../../src/chain/metadata-cache.ts';
import { sandbox, temporaryFolder } from './support.ts';

const id = {
  genesisHash: `0x${'ab'.repeat(32)}`,
  specVersion: 424,
  implVersion: 1,
  endpoint: 'ws://127.0.0.1:1',
};

test('what was written is read, and nothing else', async () => {
  const dir = await temporaryFolder();
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: 1 }),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      async (bytes, at, flip) => {
        await writeCachedMetadata(dir, id, bytes);
        expect(Uint8Array.from((await readCachedMetadata(dir, id))!)).toEqual(bytes);
        const [file] = await readdir(dir);
        const stored = await readFile(join(dir, file!));
        stored[at % stored.length]! ^= flip;
        await writeFile(join(dir, file!), stored);
        expect(await readCachedMetadata(dir, id)).toBeNull();
        await writeFile(join(dir, file!), stored.subarray(0, at % stored.length));
        expect(await readCachedMetadata(dir, id)).toBeNull();
      },
    ),
    { numRuns: 40 },
  );
});

test('it is for one chain, one runtime and one endpoint, whatever the file is called, and for a day', async () => {
  const dir = await temporaryFolder();
  await writeCachedMetadata(dir, id, Uint8Array.of(1, 2, 3));
  const [file] = await readdir(dir);
  const others = [
    { ...id, specVersion: 425 },
    { ...id, implVersion: 2 },
    { ...id, genesisHash: `0x${'ac'.repeat(32)}` },
    { ...id, endpoint: 'ws://127.0.0.1:2' },
  ];
  for (const other of others) {
    expect(await readCachedMetadata(dir, other)).toBeNull();
    const elsewhere = await temporaryFolder();
    await writeCachedMetadata(elsewhere, other, Uint8Array.of(4));
    const [name] = await readdir(elsewhere);
    await copyFile(join(dir, file!), join(elsewhere, name!));
    expect(await readCachedMetadata(elsewhere, other)).toBeNull();
  }
  expect(await readCachedMetadata(dir, id)).not.toBeNull();
  const yesterday = new Date(Date.now() - 25 * 3600 * 1000);
  await utimes(join(dir, file!), yesterday, yesterday);
  expect(await readCachedMetadata(dir, id)).toBeNull();
});

test('a cached connect moves little; a broken cache is mended', async () => {
  const node = await sandbox();
  const cacheDir = await temporaryFolder();
  const framesOf = async (): Promise<number> => {
    const chain = await connect({ endpoints: [node.url], cacheDir });
    await chain.block();
    await chain.close();
    return chain.frames.sent;
  };
  expect(await framesOf()).toBe(3);
  expect(await framesOf()).toBe(2);
  const [file] = await readdir(cacheDir);
  await writeFile(join(cacheDir, file!), 'rubbish');
  expect(await framesOf()).toBe(3);
  expect(await framesOf()).toBe(2);
});

test('a cache folder that cannot be written costs nothing but time', async () => {
  const node = await sandbox();
  const dir = await temporaryFolder();
  await writeFile(join(dir, 'file'), '');
  const chain = await connect({ endpoints: [node.url], cacheDir: join(dir, 'file', 'below') });
  expect(await chain.block()).toBeGreaterThanOrEqual(0);
  await chain.close();
});
