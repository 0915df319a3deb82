import { access, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Bytes that this user may still write where `path` is, or would be. */
export async function freeSpace(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(await nearestFolder(path));
  return bavail * bsize;
}

/** The nearest folder above a path that is there. */
export async function nearestFolder(path: string): Promise<string> {
  for (let at = path; ; at = dirname(at)) {
    try {
      await access(at);
      return at;
    } catch {
      if (at === dirname(at)) return at;
    }
  }
}
