#!/usr/bin/env node
// Starts the CLI, on the pinned Node when the caller's is too old. This file must parse on any Node that knows ESM.
import { existsSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NEEDED = 24;

if (Number.parseInt(process.versions.node, 10) >= NEEDED) await start();
else await startOnPinnedNode();

async function start() {
  // Started by another Node (below), or by set-up: when that one is killed, nobody waits for us any more.
  if (process.env.PT_LIFELINE && process.channel) {
    delete process.env.PT_LIFELINE;
    process.on('disconnect', () => process.exit(137));
    process.channel.unref();
  }
  // In the user's own cache folder: what lies in a shared temporary folder could have been put there by somebody else.
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  nodeModule.enableCompileCache?.(join(cache, 'pt', 'compiled'));
  const { main } = await import('../dist/main.js');
  await main(process.argv.slice(2), dirname(dirname(fileURLToPath(import.meta.url))));
  // Some libraries leave sockets or child processes open; the work is done when main returns.
  process.exit();
}

async function startOnPinnedNode() {
  const node = pinnedNode();
  if (node === null) {
    process.stderr.write(
      `pt needs Node ${NEEDED} or newer; this is ${process.versions.node}, and the Node that pt brings along is not installed.\n` +
        `  → install Node ${NEEDED} or newer and run it again   # the only way on macOS, for which none is brought along\n` +
        '  → npm install   # in a clone: npm run setup; without --omit=optional, which leaves it out\n',
    );
    process.exit(2);
  }
  const { spawn } = await import('node:child_process');
  // As it was called, which what to type next follows; Node runs the file behind a link.
  const child = spawn(node, [process.argv[1], ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, PT_LIFELINE: '1' },
  });
  // The terminal sends Ctrl-C to both of us; what others send to this process is passed on.
  process.on('SIGINT', () => {});
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    process.stderr.write(`pt could not start ${node}: ${error.message}\n`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

/** The Node of the optional package for this system, wherever npm put it. */
function pinnedNode() {
  try {
    const require = nodeModule.createRequire(import.meta.url);
    const windows = process.platform === 'win32';
    const manifest = require.resolve(
      `node-${windows ? 'win' : process.platform}-${process.arch}/package.json`,
    );
    const path = join(dirname(manifest), 'bin', windows ? 'node.exe' : 'node');
    return existsSync(path) ? path : null;
  } catch {
    return null;
  }
}
