import { accessSync, constants } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { OutsideError, UserError } from '../errors.ts';
import { shellWord } from '../text/shell-word.ts';
import { askBlock } from './rpc.ts';

const START_MS = 50_000;

/** Where `chopsticks` is on `path`. It is optional and not ours to install; throws when it is not there. */
export function findChopsticks(path: string): string {
  for (const dir of path.split(delimiter).filter(Boolean)) {
    const file = join(dir, 'chopsticks');
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not in this folder.
    }
  }
  throw new UserError('sandbox.no_chopsticks', '--fork needs chopsticks, which is not on the PATH.', {
    nextSteps: [
      'npm install --global @acala-network/chopsticks',
      'pt sandbox start --detach   # without --fork',
    ],
  });
}

/**
 * Starts chopsticks on 127.0.0.1 over the state of a real chain and waits until it answers. Port 0 takes a free one. The throwaway
 * hotkey is not registered there.
 */
export async function startFork(options: { program: string; endpoint: string; port: number; dir: string }) {
  const port = options.port === 0 ? await freePort() : options.port;
  const args = [`--endpoint=${options.endpoint}`, `--port=${port}`, '--addr=127.0.0.1'];
  const child = execa(options.program, args, {
    cwd: options.dir,
    stdin: 'ignore',
    reject: false,
    cleanup: true,
  });
  let ended = false;
  void child.then(() => {
    ended = true;
  });
  const url = `ws://127.0.0.1:${port}`;
  const close = async () => {
    child.kill('SIGTERM');
    await child;
  };
  for (const begin = performance.now(); !ended && performance.now() - begin < START_MS; await sleep(200)) {
    if ((await askBlock(url)) !== null) return { url, port, close };
  }
  await close();
  const { stderr, stdout } = await child;
  const last = `${stdout}\n${stderr}`.trim().split('\n').at(-1) ?? '';
  throw new OutsideError('sandbox.fork_failed', `chopsticks did not start on ${options.endpoint}: ${last}`, {
    nextSteps: [
      `${shellWord(options.program)} --endpoint=${shellWord(options.endpoint)}   # shows why`,
      'pt sandbox start --detach   # without --fork',
    ],
  });
}

/** Asks the system for a free port; chopsticks itself cannot be told to take any. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  return typeof address === 'object' && address ? address.port : 0;
}
