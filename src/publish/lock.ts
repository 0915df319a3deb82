import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { UserError } from '../errors.ts';
import { diskError } from '../host/disk-error.ts';

export interface Lock {
  release(): void;
}

/**
 * Takes the lock of a publish, or throws `UserError` `publish.locked` naming the process that holds it.
 *
 * SQLite's exclusive transaction is a lock of the operating system on an empty file: it cannot outlive its process, however
 * that dies, so there is no stale lock to detect and no race in breaking one.
 */
export function lockPublish(lockPath: string): Lock {
  const path = `${lockPath}.lock`;
  const holder = `${lockPath}.pid`;
  let database: DatabaseSync | undefined;
  try {
    mkdirSync(dirname(path), { recursive: true });
    database = new DatabaseSync(path);
    database.exec('BEGIN EXCLUSIVE');
    writeFileSync(holder, `${process.pid}\n`, { mode: 0o600 });
  } catch (error) {
    database?.close();
    if (isBusy(error)) throw locked(readHolder(holder));
    throw diskError(error, path);
  }
  const held = database;
  return {
    release() {
      if (held.isOpen) held.close();
    },
  };
}

const SQLITE_BUSY = 5;
const SQLITE_LOCKED = 6;

function isBusy(error: unknown): boolean {
  const code = (error as { errcode?: number }).errcode;
  return code === SQLITE_BUSY || code === SQLITE_LOCKED;
}

function readHolder(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim() || null;
  } catch {
    return null;
  }
}

function locked(pid: string | null): UserError {
  const who = pid === null ? 'Another pt' : `Another pt (process ${pid})`;
  return new UserError('publish.locked', `${who} is publishing with this hotkey.`, {
    nextSteps: ['Wait until it has ended, then run the same command again: it notices what was done.'],
  });
}
