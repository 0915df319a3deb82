import { chmodSync, lstatSync } from 'node:fs';

/**
 * Takes a folder of this user's out of others' reach, whoever made it and however: mode 0700. One that is not there, is a link, or belongs to somebody
 * else stays as it is, and so do the folders above it.
 */
export function keepPrivate(folder: string): void {
  const found = lstatSync(folder, { throwIfNoEntry: false });
  if (process.platform === 'win32' || !found?.isDirectory() || found.uid !== process.getuid?.()) return;
  if ((found.mode & 0o077) === 0) return;
  try {
    chmodSync(folder, 0o700);
  } catch {
    // A file system without modes, or one that is read-only: whoever shares it decides who reads it.
  }
}
