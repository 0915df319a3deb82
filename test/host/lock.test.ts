import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
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

/** The kernel's answer on NFS without its lock service. */
const NO_LOCKS = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
static int refuse(int fd, int cmd, void *what) {
  if (cmd == F_SETLK || cmd == F_SETLKW) { errno = ENOLCK; return -1; }
  int (*real)(int, int, ...) = dlsym(RTLD_NEXT, "fcntl");
  return real(fd, cmd, what);
}
int fcntl(int fd, int cmd, ...) { va_list list; va_start(list, cmd); void *what = va_arg(list, void *); va_end(list); return refuse(fd, cmd, what); }
int fcntl64(int fd, int cmd, ...) { va_list list; va_start(list, cmd); void *what = va_arg(list, void *); va_end(list); return refuse(fd, cmd, what); }
`;

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

  it.skipIf(spawnSync('cc', ['--version']).status !== 0)(
    'is no other process’s where the file system refuses every lock',
    async () => {
      const library = join(folder, 'no-locks.so');
      const source = join(folder, 'no-locks.c');
      writeFileSync(source, NO_LOCKS);
      expect(spawnSync('cc', ['-shared', '-fPIC', '-o', library, source, '-ldl']).status).toBe(0);
      const path = join(folder, 'refused');
      const program = `
        import { isLocked, tryLock } from ${module};
        try { console.log(tryLock(${JSON.stringify(path)})); } catch (error) { console.log(error.code, isLocked(${JSON.stringify(path)})); }`;
      const ran = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
        env: { ...process.env, LD_PRELOAD: library },
        encoding: 'utf8',
      });
      expect(ran.stdout.trim(), ran.stderr).toBe('ENOLCK false');
      expect(readdirSync(folder).filter((name) => name.startsWith('.lock-'))).toEqual([]);
    },
  );

  it('holds nothing but a name for people', () => {
    const path = join(folder, 'content');
    const lock = tryLock(path)!;
    expect(readFileSync(`${path}.pid`, 'utf8')).toBe(`${process.pid}\n`);
    lock.release();
  });
});
