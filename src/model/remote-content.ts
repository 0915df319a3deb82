import { createHash } from 'node:crypto';
import type { Hub, HubFile, HubRevision, UploadFile } from '../hub/types.ts';
import { directoryHash, hashOfSha256 } from '../rules/index.ts';

/** Files without an object id are read whole for their hash; what is larger than this (bytes) is no text file. */
const READ_UP_TO = 32 * 2 ** 20;

/**
 * Files of a revision with their sha256, and the content hash they give. Weights are not downloaded: the Hub's object id is their sha256.
 * Null: a large file has no object id.
 */
export async function remoteContent(
  hub: Hub,
  revision: HubRevision,
  hashedFiles: string[],
): Promise<{ files: UploadFile[]; contentHash: string } | null> {
  const listed = new Map(revision.files.map((file) => [file.path, file]));
  const hashed = hashedFiles.map((path) => listed.get(path)!);
  if (hashed.some(({ sha256, size }) => sha256 === undefined && size > READ_UP_TO)) return null;
  const files: UploadFile[] = [];
  for (const file of hashed) files.push(await remoteFile(hub, revision, file));
  return { files, contentHash: directoryHash(files.map((file) => hashOfSha256(file.sha256))) };
}

/** A file of a revision in the shape of a local one: its sha256 from the listing, or (small files) from its bytes. */
async function remoteFile(
  hub: Hub,
  { repo, commit }: { repo: string; commit: string },
  { path, size, sha256 }: HubFile,
): Promise<UploadFile> {
  const read = (start: number, end: number) => hub.range(repo, commit, path, start, end);
  return {
    path,
    size,
    sha256:
      sha256 ??
      createHash('sha256')
        .update(await read(0, size))
        .digest('hex'),
    async *open(start = 0, end = size) {
      yield await read(start, end);
    },
  };
}
