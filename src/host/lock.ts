import { randomUUID } from 'node:crypto';
import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { nodeTooOld } from './node-version.ts';

/** Loaded at the first lock: Node 20, which the toolbox runs on, has none. */
function sqlite(): typeof import('node:sqlite') {
  const found = process.getBuiltinModule?.('node:sqlite');
  if (found !== undefined) return found;
  throw nodeTooOld('What is published or trained is locked with node:sqlite', '22.13');
}

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
  let database: DatabaseSync | null = null;
  let file: number;
  let number: string;
  for (;;) {
    // Of this process, whose locks on a file end with any of its handles on it.
    if (kept.has(numberAt(path) ?? '')) return null;
    // The last holder took its file away: a lock on a file that is no longer the one at `path` is a lock on nothing. This handle sees to it that
    // the file's number is nobody else's meanwhile.
    file = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    try {
      number = numberOf(fstatSync(file, { bigint: true }));
      database = begin(path, 'PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
      if (database === null) return null;
      if (number === numberAt(path)) break;
      database.close();
      database = null;
    } finally {
      if (database === null) closeSync(file);
    }
  }
  const held = database;
  kept.set(number, held);
  try {
    writeFileSync(holderFile(path), `${process.pid}\n`, { mode: 0o600 });
  } catch (error) {
    release();
    throw error;
  }
  return { release };

  function release(): void {
    if (!kept.delete(number)) return;
    for (const each of [holderFile(path), path])
      try {
        rmSync(each, { force: true });
      } catch {
        // What is in the way of the files has a cause that is named elsewhere; the lock itself ends below.
      }
    held.close();
    closeSync(file);
  }
}

/** Locks that are held, by the numbers of their files; a connection that nobody refers to is collected, and its lock with it. */
const kept = new Map<string, DatabaseSync>();

const numberOf = ({ dev, ino }: BigIntStats): string => `${dev}:${ino}`;

function numberAt(path: string): string | null {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found === undefined ? null : numberOf(found);
}

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

const lockable = new Set<string>();

/**
 * Whether files in `folder` can be locked. To SQLite a file system that has no locks (ENOLCK: NFS without its lock service) looks as if another
 * process had this one; so a file that nobody else can have is tried.
 */
function canLock(folder: string): boolean {
  if (lockable.has(folder)) return true;
  const path = join(folder, `.lock-${process.pid}-${randomUUID()}`);
  let database: DatabaseSync | undefined;
  try {
    database = new (sqlite().DatabaseSync)(path, { timeout: 0 });
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (error) {
    // Any other failure (a folder that is read-only) says nothing about locks.
    if ((((error as { errcode?: number }).errcode ?? 0) & 0xff) === SQLITE_BUSY) return false;
  } finally {
    database?.close();
    rmSync(path, { force: true });
  }
  lockable.add(folder);
  return true;
}

function begin(path: string, sql: string, readOnly = false, healed = false): DatabaseSync | null {
  let database: DatabaseSync | undefined;
  try {
    database = new (sqlite().DatabaseSync)(path, { timeout: GLANCE_MS, readOnly });
    database.exec(sql);
    return database;
  } catch (error) {
    database?.close();
    // The low byte is the kind, what is above it the reason.
    const kind = ((error as { errcode?: number }).errcode ?? 0) & 0xff;
    if (kind === SQLITE_BUSY || kind === SQLITE_LOCKED) {
      if (!canLock(dirname(path)))
        throw Object.assign(new Error(`${path}: no locks available`, { cause: error }), { code: 'ENOLCK' });
      return null;
    }
    if (readOnly || healed || (kind !== SQLITE_NOTADB && kind !== SQLITE_CORRUPT)) throw error;
    // A damaged file holds nothing worth keeping. Emptied in place and not replaced: two that heal it at once still share one file.
    truncateSync(path);
    rmSync(`${path}-journal`, { force: true });
    return begin(path, sql, readOnly, true);
  }
}
