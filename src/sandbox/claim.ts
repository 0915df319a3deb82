import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../errors.ts';
import { diskError } from '../host/disk-error.ts';
import { isLocked, type Lock, tryLock } from '../host/lock.ts';

const claimFile = (dir: string): string => join(dir, 'lock');

/** Makes sure that one process at a time serves `dir`; throws `UserError` `sandbox.running` when another does. */
export function claim(dir: string): Lock {
  let lock: Lock | null;
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    lock = tryLock(claimFile(dir));
  } catch (error) {
    throw diskError(error, dir);
  }
  if (lock === null) throw alreadyRunning(dir);
  return lock;
}

/** Whether a living process serves `dir`, or is about to. */
export const isClaimed = (dir: string): boolean => isLocked(claimFile(dir));

export const alreadyRunning = (dir: string): UserError =>
  new UserError('sandbox.running', `Another process runs the sandbox of ${dir}.`, {
    nextSteps: ['pt sandbox status', 'pt sandbox stop'],
  });
