import { createHash } from 'node:crypto';
import { mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { UserError } from '../errors.ts';
import { diskError } from '../host/disk-error.ts';

/** A folder to be filled all at once. */
export interface Target {
  /** Absolute path of the final folder. */
  dir: string;
  /** Where the files are gathered; beside `dir`, so that moving it there is one rename. Kept after a lost connection, to go on. */
  temporary: string;
  /** Whether `dir` holds files already. */
  occupied: boolean;
  /** Throws `UserError` `load.target_not_empty` unless `force` was given. */
  refuseOccupied(): void;
  /** Gives the gathered files their final place. */
  settle(): Promise<void>;
  /** Removes what was gathered. */
  discard(): Promise<void>;
}

/** Prepares `dir` for the model called `what`. Throws when it is no folder, or cannot be written. */
export async function openTarget(path: string, what: string, force: boolean): Promise<Target> {
  const dir = resolve(path);
  const digest = createHash('sha256').update(what).digest('hex').slice(0, 12);
  const temporary = join(dirname(dir), `.${basename(dir)}.${digest}.part`);
  try {
    await mkdir(dirname(dir), { recursive: true, mode: 0o700 });
    const occupied = (await entries(dir)).length > 0;
    return {
      dir,
      temporary,
      occupied,
      refuseOccupied() {
        if (!force) throw notEmpty(dir);
      },
      async settle() {
        await move(temporary, dir, digest).catch((error: unknown) => {
          throw diskError(error, dir);
        });
      },
      discard: () => rm(temporary, { recursive: true, force: true }),
    };
  } catch (error) {
    throw diskError(error, dir);
  }
}

async function entries(dir: string): Promise<string[]> {
  try {
    return await readdir(dir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Puts `from` in the place of `to`; what was there is moved aside first and removed last. */
async function move(from: string, to: string, tag: string): Promise<void> {
  const aside = join(dirname(to), `.${basename(to)}.${tag}.old`);
  if ((await entries(to)).length > 0) {
    await rm(aside, { recursive: true, force: true });
    await rename(to, aside);
  } else {
    await rmdir(to).catch(() => {}); // rename onto an existing empty folder fails on some systems
  }
  await rename(from, to);
  await rm(aside, { recursive: true, force: true });
}

function notEmpty(dir: string): UserError {
  return new UserError('load.target_not_empty', `${dir} already holds other files.`, {
    nextSteps: ['--dir NEW_FOLDER', '--force   # replaces what the folder holds'],
  });
}
