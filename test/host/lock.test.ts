import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { isLocked, lockHolder, takeLock, tryLock } from '../../src/host/lock.ts';

const module = JSON.stringify(new URL('../../src/host/lock.ts', import.meta.url).href);
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pt-lock-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

function start(program: string): ChildProcess {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  return child;
}

/** A process that has the lock until it is killed. */
async function holder(path: string): Promise<ChildProcess> {
  const child = start(
    `import { tryLock } from ${module};
     console.log(tryLock(${JSON.stringify(path)}) ? 'held' : 'refused'); setInterval(() => {}, 1000);`,
  );
  const [said] = await once(child.stdout!, 'data');
  expect(String(said).trim()).toBe('held');
  return child;
}

describe('a lock', () => {
  it('is had by one process, which is named, and is free when that one is killed', async () => {
    const path = join(folder, 'killed');
    const child = await holder(path);
    expect(tryLock(path)).toBeNull();
    expect(isLocked(path)).toBe(true);
    expect(lockHolder(path)).toBe(child.pid);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(isLocked(path)).toBe(false);
    const lock = tryLock(path)!;
    expect(lockHolder(path)).toBe(process.pid);
    expect(tryLock(path)).toBeNull();
    lock.release();
    lock.release();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('goes to whoever waits when its holder is killed', async () => {
    const path = join(folder, 'waited');
    const child = await holder(path);
    const told: string[] = [];
    const waiting = takeLock(path, (who) => {
      told.push(who);
      child.kill('SIGKILL');
    });
    (await waiting).release();
    expect(told).toEqual([`process ${child.pid}`]);
  });

  it.each([
    ['an empty file', ''],
    ['what an older pt wrote, about a process that runs', JSON.stringify({ pid: process.pid, host: 'here' })],
    ['a process id alone', `${process.pid}\n`],
    ['noise', Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7919) % 256))],
    ['the first half of a database', Buffer.concat([Buffer.from('SQLite format 3\0'), Buffer.alloc(84, 9)])],
  ])('a lock file that holds %s is healed', (_, content) => {
    const path = join(folder, 'damaged');
    writeFileSync(path, content);
    writeFileSync(`${path}.pid`, content);
    expect(isLocked(path)).toBe(false);
    const lock = tryLock(path)!;
    expect(isLocked(path)).toBe(true);
    expect(tryLock(path)).toBeNull();
    expect(lockHolder(path)).toBe(process.pid);
    lock.release();
  });

  it('is never had by two at once, while all of them take it and give it back', async () => {
    const path = join(folder, 'contended');
    const inside = join(folder, 'inside');
    const program = `
      import { mkdirSync, rmdirSync } from 'node:fs';
      import { tryLock } from ${module};
      let had = 0;
      while (had < 60) {
        const lock = tryLock(${JSON.stringify(path)});
        if (!lock) continue;
        mkdirSync(${JSON.stringify(inside)}); // fails when somebody else is inside
        rmdirSync(${JSON.stringify(inside)});
        lock.release();
        had += 1;
      }`;
    const codes = await Promise.all(
      [1, 2, 3].map(async () => (await once(start(program), 'exit'))[0] as number),
    );
    expect(codes).toEqual([0, 0, 0]);
    expect(existsSync(inside)).toBe(false);
  }, 60_000);

  it('holds nothing but a name for people', () => {
    const path = join(folder, 'content');
    const lock = tryLock(path)!;
    expect(readFileSync(`${path}.pid`, 'utf8')).toBe(`${process.pid}\n`);
    lock.release();
  });
});
