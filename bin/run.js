#!/usr/bin/env node
// Starts pt on the Node that package.json pins when the caller's own is too old; says so when that is not there.
// Plain old JavaScript up to the import, so that an old Node can read it.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import module from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const NEEDED = 22;

if (Number(process.versions.node.split('.')[0]) < NEEDED) {
  const candidates = [path.join(root, 'node_modules'), path.dirname(root)];
  const pinned = candidates
    .map((dir) => path.join(dir, 'node', 'bin', 'node'))
    .find((file) => existsSync(file));
  if (!pinned) {
    process.stderr.write(
      `pt needs Node ${NEEDED} or newer; this is ${process.version}. Run \`npm install\` where pt is installed: it brings one.\n`,
    );
    process.exit(2);
  }
  const child = spawnSync(pinned, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: 'inherit',
  });
  process.exit(child.status ?? (child.signal === 'SIGINT' ? 130 : 1));
}

const cache = process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache');
module.enableCompileCache?.(path.join(cache, 'pt', 'compiled'));

const { main } = await import('../dist/main.js');
await main(process.argv.slice(2), root);
// Some libraries keep sockets or child processes open; the work is done when main returns.
process.exit();
