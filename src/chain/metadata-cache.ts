import { createHash } from 'node:crypto';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { writeWhole } from '../host/write-file.ts';

/** What metadata belongs to: a chain, the runtime it runs, and who said so. */
export interface MetadataId {
  genesisHash: string;
  specVersion: number;
  implVersion: number;
  /** The address that served it: one node's word counts for no other. */
  endpoint: string;
}

/** How long the word of a node is kept. */
const MAX_AGE_MS = 24 * 3600 * 1000;

const textOf = ({ genesisHash, specVersion, implVersion, endpoint }: MetadataId): string =>
  JSON.stringify([genesisHash, specVersion, implVersion, endpoint]);

const fileOf = (dir: string, id: MetadataId): string => {
  const name = createHash('sha256').update(textOf(id)).digest('hex').slice(0, 32);
  return join(dir, `metadata-${name}.scale`);
};

/** What stands in front of the bytes: they belong to this id and to no other. */
const seal = (id: MetadataId, metadata: Uint8Array): Buffer =>
  createHash('sha256').update(textOf(id)).update('\n').update(metadata).digest();

/** Cached metadata, or null when there is none, it is older than a day, or it is not what was written for `id`. */
export async function readCachedMetadata(dir: string, id: MetadataId): Promise<Uint8Array | null> {
  try {
    const file = fileOf(dir, id);
    const age = Date.now() - (await stat(file)).mtimeMs;
    if (!(Math.abs(age) < MAX_AGE_MS)) return null;
    const bytes = await readFile(file);
    const body = bytes.subarray(32);
    return seal(id, body).equals(bytes.subarray(0, 32)) ? body : null;
  } catch {
    return null;
  }
}

/** Writes metadata into the cache; a cache that cannot be written costs time, never the command. */
export async function writeCachedMetadata(dir: string, id: MetadataId, metadata: Uint8Array): Promise<void> {
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    await writeWhole(fileOf(dir, id), Buffer.concat([seal(id, metadata), metadata]), { durable: false });
  } catch {}
}
