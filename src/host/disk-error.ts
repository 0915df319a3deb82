import { PtError, UserError } from '../errors.ts';

/** Turns a file-system failure at `path` into an error that names the place and the remedy; other errors pass through. */
export function diskError(error: unknown, path: string): unknown {
  if (error instanceof PtError) return error;
  switch (systemCode(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new UserError('disk.full', `No space left while writing ${path}.`, {
        nextSteps: [
          'Free space there (df -h), or name a folder (PT_HOME moves runs, caches and journals) on a larger disk, then run the same command again.',
        ],
        cause: error,
      });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new UserError('disk.not_writable', `${path} cannot be written (permission denied).`, {
        nextSteps: ['Make it writable for this user, or set PT_HOME to a folder that is.'],
        cause: error,
      });
    case 'ENOTDIR':
    case 'EEXIST':
    case 'EISDIR':
    case 'ELOOP':
      return new UserError('disk.in_the_way', `A file or folder is in the way at ${path}.`, {
        nextSteps: ['Move it aside, or name another place.'],
        cause: error,
      });
    case 'ENOLCK':
      return new UserError('disk.no_locks', `The file system of ${path} cannot lock files.`, {
        nextSteps: ['Set PT_HOME (for the Python environment: XDG_CACHE_HOME) to a folder on a local disk.'],
        cause: error,
      });
    default:
      return error;
  }
}

/** Node's code of a failure of the file system; SQLite's for the same things in Node's words. */
export function systemCode(error: unknown): string | undefined {
  const { code, errcode, syscall } = (error ?? {}) as NodeJS.ErrnoException & { errcode?: number };
  // What Node says when it would make folders, with those above them, on a file system that is read-only.
  if (code === 'ENOENT' && syscall === 'mkdir') return 'EROFS';
  if (code !== 'ERR_SQLITE_ERROR') return code;
  // The low byte is the kind. A lock that cannot be had is an I/O error, with its reason above.
  if (errcode === 3850) return 'ENOLCK';
  return { 3: 'EACCES', 8: 'EROFS', 13: 'ENOSPC', 14: 'EACCES', 15: 'ENOLCK' }[(errcode ?? 0) & 0xff];
}
