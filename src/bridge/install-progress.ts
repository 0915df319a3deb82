import type { Progress } from '../progress.ts';

const UNITS: Record<string, number> = { k: 1000, Ki: 1024, M: 1e6, Mi: 1 << 20, G: 1e9, Gi: 2 ** 30 };

/** Reads how far an installation is from the lines of uv and pip. */
export interface InstallProgress {
  read(line: string): Progress | null;
}

/**
 * uv says `Downloading torch (887.4MiB)` and ` Downloaded torch`, of the large packages alone; pip `Downloading torch-2.… (930.4 MB)`, one after
 * the other, and then `Installing collected packages`. What follows says what it did when it is over.
 */
export function installProgress(): InstallProgress {
  const sizes = new Map<string, number>();
  const finished = new Set<string>();
  let last: string | null = null;
  const phase = 'Python packages';
  const bytes = (names: Iterable<string>) =>
    [...names].reduce((sum, name) => sum + (sizes.get(name) ?? 0), 0);
  return {
    read(line) {
      const detail = line.trim();
      if (detail === '') return null;
      const [, name, amount, unit] =
        /^Downloading (\S+?)(?:-\d\S*)? \((\d+(?:\.\d+)?) ?([kMG]i?)B\)/.exec(detail) ?? [];
      // pip downloads one thing at a time: another line means that it is there.
      if (last !== null && !detail.startsWith('Downloading') && !detail.startsWith('Downloaded'))
        finished.add(last);
      if (name !== undefined) {
        if (/^Downloading \S+-\d/.test(detail) && last !== null) finished.add(last);
        sizes.set(name, Number(amount) * UNITS[unit!]!);
        last = /^Downloading \S+-\d/.test(detail) ? name : null;
      }
      const [, downloaded] = /^Downloaded (\S+)/.exec(detail) ?? [];
      if (downloaded !== undefined) finished.add(downloaded);
      if (/^(Installing collected|Prepared|Installed)/.test(detail))
        for (const each of sizes.keys()) finished.add(each);
      return {
        kind: 'progress',
        phase,
        done: Math.round(bytes(finished)),
        ...(sizes.size === 0 ? {} : { total: Math.round(bytes(sizes.keys())) }),
        unit: 'bytes',
        detail,
      };
    },
  };
}
