import { mkdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Lock {
  /** Gives the lock back; calling it again is harmless. */
  release(): void;
}

const POLL_MS = 300;
/** A look by `isLocked` holds a lock for a moment; who takes it waits that long. */
const GLANCE_MS = 100;

const SQLITE_BUSY = 5;
const SQLITE_LOCKED = 6;
const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;

/**
 * Takes the lock file at `path`; null when a living process has it. Throws what the file system says (`diskError` names it).
 *
 * SQLite's exclusive transaction is a lock of the operating system on an empty file. It cannot outlive its process, however that
 * dies, so there is no stale lock to detect, no process id that somebody else may have by now, and no race in breaking one.
 */
export function tryLock(path: string): Lock | null {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  let database: DatabaseSync | null;
  for (;;) {
    const before = fileNumber(path);
    database = begin(path, 'PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    if (database === null) return null;
    // The last holder took its file away: a lock on a file that is no longer the one at `path` is a lock on nothing.
    if (before !== null && before === fileNumber(path)) break;
    database.close();
  }
  const held = database;
  kept.add(held);
  try {
    writeFileSync(holderFile(path), `${process.pid}\n`, { mode: 0o600 });
  } catch (error) {
    release();
    throw error;
  }
  return { release };

  function release(): void {
    if (!kept.delete(held)) return;
    for (const file of [holderFile(path), path]) rmSync(file, { force: true });
    held.close();
  }
}

/** Locks that are held; a connection that nobody refers to is collected, and its lock with it. */
const kept = new Set<DatabaseSync>();

const fileNumber = (path: string): bigint | null =>
  statSync(path, { bigint: true, throwIfNoEntry: false })?.ino ?? null;

/** Takes the lock at `path`, waiting while another process has it; `onWait` is told once who that is. */
export async function takeLock(path: string, onWait?: (holder: string) => void): Promise<Lock> {
  for (let told = false; ; told = true) {
    const lock = tryLock(path);
    if (lock !== null) return lock;
    const pid = told ? null : lockHolder(path);
    if (!told) onWait?.(pid === null ? 'another process' : `process ${pid}`);
    await sleep(POLL_MS);
  }
}

/** Whether a living process has the lock at `path`. */
export function isLocked(path: string): boolean {
  try {
    const database = begin(path, 'BEGIN; SELECT count(*) FROM sqlite_master', true);
    database?.close();
    return database === null;
  } catch {
    return false;
  }
}

/** The process that has the lock at `path`, to name it to people; null when it has not written itself down. */
export function lockHolder(path: string): number | null {
  try {
    return Number.parseInt(readFileSync(holderFile(path), 'utf8'), 10) || null;
  } catch {
    return null;
  }
}

/** The lock's own file is never read or written: closing it would give up this process's locks on it. */
const holderFile = (path: string): string => `${path}.pid`;

function begin(path: string, sql: string, readOnly = false, healed = false): DatabaseSync | null {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout: GLANCE_MS, readOnly });
    database.exec(sql);
    return database;
  } catch (error) {
    database?.close();
    // The low byte is the kind, what is above it the reason.
    const kind = ((error as { errcode?: number }).errcode ?? 0) & 0xff;
    if (kind === SQLITE_BUSY || kind === SQLITE_LOCKED) return null;
    if (readOnly || healed || (kind !== SQLITE_NOTADB && kind !== SQLITE_CORRUPT)) throw error;
    // A damaged file holds nothing worth keeping. Emptied in place and not replaced: two that heal it at once still share one file.
    truncateSync(path);
    rmSync(`${path}-journal`, { force: true });
    return begin(path, sql, readOnly, true);
  }
}
