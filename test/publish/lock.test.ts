import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { lockPublish } from '../../src/publish/lock.ts';

const module = new URL('../../src/publish/lock.ts', import.meta.url).href;

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** A second process that takes the lock, says so, and holds it until it is killed. */
async function holder(path: string) {
  const child = spawn(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `import { lockPublish } from ${JSON.stringify(module)}; lockPublish(${JSON.stringify(path)}); console.log('held'); setInterval(() => {}, 1000);`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  children.push(child);
  await once(child.stdout, 'data');
  return child;
}

describe('the lock of a publish', () => {
  it('lets one in, names the holder to the second, and is free after release', async () => {
    const path = join(await mkdtemp(join(tmpdir(), 'pt-lock-')), 'deeper', 'j.json');
    const first = lockPublish(path);
    expect(() => lockPublish(path)).toThrowError(
      expect.objectContaining({
        code: 'publish.locked',
        message: expect.stringContaining(String(process.pid)),
      }),
    );
    first.release();
    first.release();
    lockPublish(path).release();
  });

  it('does not outlive a process that was killed', async () => {
    const path = join(await mkdtemp(join(tmpdir(), 'pt-lock-')), 'j.json');
    const child = await holder(path);
    expect(() => lockPublish(path)).toThrowError(
      expect.objectContaining({
        code: 'publish.locked',
        message: expect.stringContaining(String(child.pid)),
      }),
    );
    child.kill('SIGKILL');
    await once(child, 'exit');
    lockPublish(path).release();
  });
});
