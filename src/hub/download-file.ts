import { createHash, type Hash } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { CheckError } from '../errors.ts';
import type { Connection } from './connection.ts';
import { fetchInOrder } from './segments.ts';
import type { Slots } from './slots.ts';
import type { HubFile } from './types.ts';

export interface FileRequest {
  repo: string;
  revision: string;
  file: HubFile;
  /** Absolute path of the final name; its folder exists. */
  target: string;
  signal: AbortSignal;
  /** Moves the bar by `count` bytes, which came over the wire or were there already. */
  tell: (count: number, overTheWire: boolean) => void;
  slots: Slots;
  /** The error for a file that is not as long as listed. */
  wrongSize: () => Error;
}

/**
 * Downloads one file to `<target>.<id>.part` and renames it when its hash is right. A part left by an interrupted download is hashed and
 * continued; when the result is wrong it is thrown away and the file fetched once more from the start.
 */
export async function downloadFile(connection: Connection, request: FileRequest): Promise<void> {
  const { file, target, tell } = request;
  if (await isThere(file, target)) {
    tell(file.size, false);
    return;
  }
  // Named after the content: a part of another version is never continued.
  const part = `${target}.${(file.sha256 ?? file.oid).slice(0, 16)}.part`;
  try {
    for (let attempt = 1; ; attempt += 1) {
      const resumed = await fetchPart(connection, request, part);
      if (resumed.digest === idOf(file)) break;
      tell(-file.size, false);
      await rm(part, { force: true });
      if (attempt === 2 || !resumed.continued) throw mismatch(request, resumed.digest);
    }
    await rename(part, target);
  } catch (error) {
    // A full disk gets its space back, wrong content is not kept; after a broken connection the part is there to go on from.
    if (isDiskFull(error) || error instanceof CheckError) await rm(part, { force: true });
    throw error;
  }
}

/** Brings the part to full length; returns the hash of all its bytes, and whether some of them were there before. */
async function fetchPart(
  connection: Connection,
  request: FileRequest,
  part: string,
): Promise<{ digest: string; continued: boolean }> {
  const { file, tell } = request;
  const handle = await open(part, constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0), 0o644);
  try {
    const hash = hasherOf(file);
    let position = await hashExisting(handle, part, file.size, hash);
    const continued = position > 0;
    tell(position, false);
    await fetchInOrder(connection, request, position, async (bytes) => {
      hash.update(bytes);
      await writeAll(handle, bytes, position);
      position += bytes.length;
    });
    return { digest: hash.digest('hex'), continued };
  } finally {
    await handle.close();
  }
}

/** Hashes what an earlier run left; a part that is too long is emptied. Returns where to go on. */
async function hashExisting(handle: FileHandle, part: string, size: number, hash: Hash): Promise<number> {
  const { size: existing } = await handle.stat();
  if (existing > size) {
    await handle.truncate(0);
    return 0;
  }
  if (existing > 0)
    for await (const chunk of createReadStream(part, { end: existing - 1 })) hash.update(chunk);
  return existing;
}

async function isThere(file: HubFile, target: string): Promise<boolean> {
  const found = await stat(target).catch(() => null);
  if (!found?.isFile() || found.size !== file.size) return false;
  const hash = hasherOf(file);
  for await (const chunk of createReadStream(target)) hash.update(chunk);
  return hash.digest('hex') === idOf(file);
}

async function writeAll(handle: FileHandle, chunk: Buffer, position: number): Promise<void> {
  for (let at = 0; at < chunk.length; ) {
    const { bytesWritten } = await handle.write(chunk, at, chunk.length - at, position + at);
    at += bytesWritten;
  }
}

/** SHA-256 for LFS files, git's SHA-1 for small ones. */
const hasherOf = (file: HubFile): Hash =>
  file.sha256 === undefined ? createHash('sha1').update(`blob ${file.size}\0`) : createHash('sha256');

const idOf = (file: HubFile): string => file.sha256 ?? file.oid;

const isDiskFull = (error: unknown): boolean =>
  ['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException | null)?.code ?? '');

const mismatch = ({ repo, file }: FileRequest, digest: string): CheckError =>
  new CheckError(
    'hub.content_mismatch',
    `${file.path} of ${repo} is not what the Hub's listing says: expected ${idOf(file)}, got ${digest}. Nothing was kept.`,
    { nextSteps: ['Run the same command again; if it happens again, do not use this repository.'] },
  );
