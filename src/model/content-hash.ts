/** Content hashes of a folder: as it is (what validators compute after downloading these files), and as it would be published. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { CheckError } from '../errors.ts';
import { finish, type Work } from '../progress.ts';
import { directoryHash, hashOfSha256, hashOrder } from '../rules/hash.ts';
import type { Profile } from '../rules/types.ts';
import { type InspectedFolder, openFolder } from './inspect.ts';
import { folder, listFolder } from './list-folder.ts';
import { type PlanOptions, planFolder, type UploadPlan } from './plan-upload.ts';
import { Tally } from './tally.ts';

/** Content hash in base64 of the files that loading reads. */
export async function contentHashOf(model: string | InspectedFolder, profile: Profile): Promise<string> {
  const folder = typeof model === 'string' ? await openFolder(model, profile) : model;
  return finish(hashFiles(folder));
}

/** What one reading of a folder tells. */
export interface FolderContent {
  /** Content hash of the folder as it is. */
  hash: string;
  /** What `pt upload` would publish of it, or why it would not. */
  published: UploadPlan | CheckError;
}

/** Reads a folder's weights once: hashed as they are, and converted, looked through and hashed as they would be published. */
export async function* readContent(
  folder: InspectedFolder,
  options: Omit<PlanOptions, 'asIs'>,
): Work<FolderContent> {
  const asIs = new Map<string, Tally>();
  let published: FolderContent['published'];
  try {
    published = yield* planFolder(folder, { ...options, asIs });
  } catch (error) {
    if (!(error instanceof CheckError) || error.code === 'model.changed') throw error;
    published = error;
  }
  return { hash: yield* hashFiles(folder, asIs, options.signal), published };
}

/** The content hash, reading only what `tallies` do not hold yet; progress in bytes. */
async function* hashFiles(
  { root, facts }: InspectedFolder,
  tallies = new Map<string, Tally>(),
  signal?: AbortSignal,
): Work<string> {
  const size = new Map(facts.files.map((f) => [f.path, f.size]));
  const total = facts.hashedFiles.reduce((sum, path) => sum + size.get(path)!, 0);
  const hashes: string[] = [];
  let before = 0;
  for (const path of facts.hashedFiles) {
    const tally = tallies.get(path) ?? new Tally();
    if (tally.bytes < size.get(path)!)
      for await (const chunk of createReadStream(join(root, path), {
        highWaterMark: 1 << 20,
        start: tally.bytes,
      })) {
        signal?.throwIfAborted();
        tally.update(chunk as Uint8Array);
        const done = before + tally.bytes;
        yield { kind: 'progress', phase: 'hashing', done, total, unit: 'bytes', detail: path };
      }
    before += tally.bytes;
    hashes.push(hashOfSha256(tally.sha256()));
  }
  return directoryHash(hashes);
}

/** The reference's hash of everything in a folder (what it computes over a download's cache), links not followed. */
export async function hashEverything(dir: string): Promise<string> {
  const root = await folder(dir);
  const { files } = await listFolder(root, new Set());
  const hashes: string[] = [];
  for (const path of hashOrder(files.map((f) => f.path))) {
    hashes.push(hashOfSha256(await fileSha256(join(root, path))));
  }
  return directoryHash(hashes);
}

/** A file's sha256 in hex. */
export async function fileSha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
  return hash.digest('hex');
}
