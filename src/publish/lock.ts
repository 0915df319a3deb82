import { UserError } from '../errors.ts';
import { diskError } from '../host/disk-error.ts';
import { type Lock, lockHolder, tryLock } from '../host/lock.ts';

/** Takes the lock of a publish, or throws `UserError` `publish.locked` naming the process that holds it. */
export function lockPublish(lockPath: string): Lock {
  const path = `${lockPath}.lock`;
  let lock: Lock | null;
  try {
    lock = tryLock(path);
  } catch (error) {
    throw diskError(error, path);
  }
  return lock ?? locked(lockHolder(path));
}

function locked(pid: number | null): never {
  const who = pid === null ? 'Another pt' : `Another pt (process ${pid})`;
  throw new UserError('publish.locked', `${who} is publishing with this hotkey.`, {
    nextSteps: ['Wait until it has ended, then run the same command again: it notices what was done.'],
  });
}
