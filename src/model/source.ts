/** Bytes at any place, from a file here or from a Hub. */
import { type FileHandle, open } from 'node:fs/promises';
import { CheckError } from '../errors.ts';
import type { Hub, HubFile } from '../hub/types.ts';
import type { ByteSource } from './types.ts';

/** Opens a file for reading at any place, and closes it after `use`. */
export async function withFile<T>(
  path: string,
  name: string,
  use: (source: ByteSource) => Promise<T>,
): Promise<T> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    return await use({ name, size, read: (start, end) => readAt(handle, name, start, end) });
  } finally {
    await handle.close();
  }
}

async function readAt(handle: FileHandle, name: string, start: number, end: number): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafe(end - start);
  for (let got = 0; got < bytes.length; ) {
    const { bytesRead } = await handle.read(bytes, got, bytes.length - got, start + got);
    if (bytesRead === 0)
      throw new CheckError('model.changed', `${name} became shorter while it was read.`, {
        nextSteps: ['Wait until nothing writes to the folder any more, then try again.'],
      });
    got += bytesRead;
  }
  return bytes;
}

/** A file of a Hub revision, by range requests. */
export function hubSource(hub: Hub, repo: string, revision: string, file: HubFile): ByteSource {
  return {
    name: file.path,
    size: file.size,
    read: async (start, end) => {
      const bytes = await hub.range(repo, revision, file.path, start, end);
      if (bytes.length !== end - start)
        throw new CheckError(
          'hub.range',
          `${file.path}: the Hub sent ${bytes.length} bytes for ${end - start}.`,
          { nextSteps: ['Run the same command again; if it happens again, do not use this repository.'] },
        );
      return bytes;
    },
  };
}

/** Bytes in memory, for tests and small files. */
export function memorySource(name: string, bytes: Uint8Array): ByteSource {
  return { name, size: bytes.length, read: async (start, end) => bytes.subarray(start, end) };
}
