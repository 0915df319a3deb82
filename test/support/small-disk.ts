import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';

/** A real file system of `bytes`, mounted at `dir`. Null where this user may not mount one. */
export function mountSmallDisk(dir: string, bytes: number): { unmount: () => void } | null {
  mkdirSync(dir, { recursive: true });
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', dir]);
  if (status !== 0) return null;
  return {
    unmount() {
      spawnSync('umount', ['-l', dir]);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
