import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeWhole } from '../host/write-file.ts';

/** What metadata belongs to: a chain and the runtime it runs. */
export interface RuntimeId {
  genesisHash: string;
  specVersion: number;
  implVersion: number;
}

const fileOf = (dir: string, { genesisHash, specVersion, implVersion }: RuntimeId): string =>
  join(dir, `metadata-${genesisHash.slice(2, 34)}-${specVersion}-${implVersion}.scale`);

/** Cached metadata, or null when there is none or it is not what was written (the sha256 in front no longer fits). */
export async function readCachedMetadata(dir: string, id: RuntimeId): Promise<Uint8Array | null> {
  try {
    const bytes = await readFile(fileOf(dir, id));
    const body = bytes.subarray(32);
    return createHash('sha256').update(body).digest().equals(bytes.subarray(0, 32)) ? body : null;
  } catch {
    return null;
  }
}

/** Writes metadata into the cache; a cache that cannot be written costs time, never the command. */
export async function writeCachedMetadata(dir: string, id: RuntimeId, metadata: Uint8Array): Promise<void> {
  const content = Buffer.concat([createHash('sha256').update(metadata).digest(), metadata]);
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    await writeWhole(fileOf(dir, id), content, { durable: false });
  } catch {}
}
