import { createHash } from 'node:crypto';
import type { HubFile, UploadFile } from './types.ts';

/** Git's id of a file with these bytes (SHA-1, hex): what the Hub calls a small file. */
export async function gitBlobOid(size: number, source: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha1').update(`blob ${size}\0`);
  for await (const chunk of source) hash.update(chunk);
  return hash.digest('hex');
}

/** Whether the Hub holds exactly this file under its path: by SHA-256 for LFS files, by git id for small ones. */
export async function isSameContent(remote: HubFile | undefined, local: UploadFile): Promise<boolean> {
  if (!remote || remote.path !== local.path || remote.size !== local.size) return false;
  if (remote.sha256 !== undefined) return remote.sha256 === local.sha256;
  return remote.oid === (await gitBlobOid(local.size, local.open()));
}
