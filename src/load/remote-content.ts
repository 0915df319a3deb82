import { createHash } from 'node:crypto';
import type { Hub, HubFile, HubRevision, UploadFile } from '../hub/index.ts';
import { directoryHash, hashOfSha256 } from '../rules/index.ts';

/** Files of a revision with their sha256, and the content hash they give. Weights are not downloaded: the Hub's object id is their sha256. */
export async function remoteContent(
  hub: Hub,
  revision: HubRevision,
  hashedFiles: string[],
): Promise<{ files: UploadFile[]; contentHash: string }> {
  const listed = new Map(revision.files.map((file) => [file.path, file]));
  const files: UploadFile[] = [];
  for (const path of hashedFiles) files.push(await remoteFile(hub, revision, listed.get(path)!));
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
