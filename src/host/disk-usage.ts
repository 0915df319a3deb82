import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

export interface DiskUsage {
  /** Free once it is taken away. */
  bytes: number;
  /** Of files that have names elsewhere too (hard links), which keep them. */
  shared: number;
}

/** What a file, or a folder with all in it, takes. What cannot be read, or goes meanwhile, counts as nothing; links are not followed. */
export async function diskUsage(path: string): Promise<DiskUsage> {
  const linked = new Map<bigint, { bytes: number; names: number; seen: number }>();
  let bytes = 0;
  const visit = async (at: string): Promise<void> => {
    const facts = await lstat(at, { bigint: true }).catch(() => null);
    if (facts === null) return;
    if (facts.isDirectory()) {
      for (const name of await readdir(at).catch(() => [])) await visit(join(at, name));
      return;
    }
    if (facts.nlink <= 1n) bytes += Number(facts.size);
    else {
      const known = linked.get(facts.ino) ?? {
        bytes: Number(facts.size),
        names: Number(facts.nlink),
        seen: 0,
      };
      linked.set(facts.ino, { ...known, seen: known.seen + 1 });
    }
  };
  await visit(path);
  let shared = 0;
  for (const { bytes: size, names, seen } of linked.values()) {
    if (seen >= names) bytes += size;
    else shared += size;
  }
  return { bytes, shared };
}
