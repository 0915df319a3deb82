/** The content hash of a folder as it is: what validators compute after downloading these files. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { finish, type Work } from '../progress.ts';
import { directoryHash, hashOfSha256, hashOrder } from '../rules/hash.ts';
import type { Profile } from '../rules/types.ts';
import { inspectFolder } from './inspect.ts';
import { folder, listFolder } from './list-folder.ts';

/** Content hash in base64 of the files that loading reads. */
export async function contentHashOf(dir: string, profile: Profile): Promise<string> {
  return finish(hashContent(dir, profile));
}

/** The same with progress in bytes. */
export async function* hashContent(dir: string, profile: Profile): Work<string> {
  const root = await folder(dir);
  const { hashedFiles, files } = await inspectFolder(root, profile);
  const size = new Map(files.map((f) => [f.path, f.size]));
  const total = hashedFiles.reduce((sum, path) => sum + size.get(path)!, 0);
  const hashes: string[] = [];
  let done = 0;
  for (const path of hashedFiles) {
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(join(root, path), { highWaterMark: 1 << 20 })) {
      hash.update(chunk as Uint8Array);
      done += (chunk as Uint8Array).length;
      yield { kind: 'progress', phase: 'hashing', done, total, unit: 'bytes', detail: path };
    }
    hashes.push(hashOfSha256(hash.digest('hex')));
  }
  return directoryHash(hashes);
}

/** The reference's hash of everything in a folder (what it computes over a download's cache), links not followed. */
export async function hashEverything(dir: string): Promise<string> {
  const root = await folder(dir);
  const { files } = await listFolder(root, new Set());
  const hashes: string[] = [];
  for (const path of hashOrder(files.map((f) => f.path))) {
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(join(root, path))) hash.update(chunk as Uint8Array);
    hashes.push(hashOfSha256(hash.digest('hex')));
  }
  return directoryHash(hashes);
}
