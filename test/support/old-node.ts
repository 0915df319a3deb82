import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** A Node on the PATH that is too old to run the tool itself (20 to 23), as many machines have one; null when there is none. */
export function findOldNode(): string | null {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const node = join(folder, 'node');
    if (!existsSync(node)) continue;
    const major = Number(
      execFileSync(node, ['-p', 'process.versions.node'], { encoding: 'utf8' }).split('.')[0],
    );
    if (major >= 20 && major < 24) return node;
  }
  return null;
}
