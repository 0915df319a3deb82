import { mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Seconds without a sign of life after which a lock is taken over. */
const STALE_SECONDS = 60;

/**
 * Takes the lock file at `path`, waiting while a living process has it; `onWait` is told once who that is.
 * The holder's pid and the file's age (its holder touches it every 5 s) tell a dead one. Two processes that take
 * over a dead lock at the same moment can both believe they have it: what it protects must stay correct then, only slower.
 */
export async function takeLock(path: string, onWait?: (holder: string) => void): Promise<() => void> {
  mkdirSync(dirname(path), { recursive: true });
  for (let told = false; ; ) {
    try {
      writeFileSync(path, JSON.stringify({ pid: process.pid, host: hostname() }), { flag: 'wx' });
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = livingHolder(path);
    if (holder === undefined) {
      rmSync(path, { force: true });
      continue;
    }
    if (!told) onWait?.(holder);
    told = true;
    await sleep(500);
  }
  const beat = setInterval(() => {
    try {
      utimesSync(path, new Date(), new Date());
    } catch {}
  }, 5_000).unref();
  return () => {
    clearInterval(beat);
    rmSync(path, { force: true });
  };
}

function livingHolder(path: string): string | undefined {
  try {
    const age = (Date.now() - statSync(path).mtimeMs) / 1000;
    const text = readFileSync(path, 'utf8');
    // Empty: its maker is between creating and writing it.
    if (text === '') return age < 5 ? 'another process' : undefined;
    const { pid, host } = JSON.parse(text) as { pid: number; host: string };
    // The age counts here too: the pid of a dead holder may belong to somebody else by now.
    const alive = age < STALE_SECONDS && (host !== hostname() || isAlive(pid));
    return alive ? `process ${pid}${host === hostname() ? '' : ` on ${host}`}` : undefined;
  } catch {
    return undefined;
  }
}

/** True while a process with this id exists (also somebody else's). */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
