import { rm } from 'node:fs/promises';
import { diskError } from '../host/disk-error.ts';
import type { Kept } from './types.ts';

/** Takes away what may go; gives what is gone. */
export async function freeKept(chosen: readonly Kept[]): Promise<Kept[]> {
  const gone = chosen.filter(({ stays }) => stays === null);
  for (const { path } of gone) {
    try {
      await rm(path, { recursive: true, force: true });
    } catch (error) {
      throw diskError(error, path);
    }
  }
  return gone;
}
