import { PtError, UserError } from './errors.ts';

/** Turns a file-system failure at `path` into an error that names the place and the remedy; other errors pass through. */
export function diskError(error: unknown, path: string): unknown {
  if (error instanceof PtError) return error;
  switch ((error as NodeJS.ErrnoException | null)?.code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new UserError('disk.full', `No space left while writing ${path}.`, {
        nextSteps: ['Free space there, or point PT_HOME at a larger disk, then run the same command again.'],
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
      return new UserError('disk.in_the_way', `A file or folder is in the way at ${path}.`, {
        nextSteps: ['Move it aside, or name another place.'],
        cause: error,
      });
    default:
      return error;
  }
}
