import { UserError } from '../errors.ts';
import { isHubRepo, isRevision } from '../rules/repository.ts';
import { hostile, tame } from './hub-errors.ts';

const RESERVED = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;
const MAX_PATH_BYTES = 1024;

/** `owner/name` as the Hub has it; throws `hub.bad_repo`. */
export function checkRepo(repo: string): string {
  if (isHubRepo(repo)) return repo;
  throw new UserError(
    'hub.bad_repo',
    `Not a repository on the Hub: ${JSON.stringify(tame(repo))}. It has the form OWNER/NAME.`,
    {
      nextSteps: ['--hf-repo-id OWNER/NAME'],
    },
  );
}

/** A branch, tag or commit that can stand in an address; throws `hub.bad_revision`. */
export function checkRevision(revision: string): string {
  if (isRevision(revision)) return revision;
  throw new UserError('hub.bad_revision', `Not a branch or commit: ${JSON.stringify(tame(revision))}`, {
    nextSteps: ['Name a branch (main) or a commit of 40 hex digits.'],
  });
}

/**
 * A file's path in a repository that is safe to create under a folder on any system: relative, `/` between parts, no `..`, no
 * control, direction or backslash characters, no device names. Throws `hub.hostile`.
 */
export function checkFilePath(path: unknown): string {
  if (typeof path !== 'string') throw hostile('A file in the listing has no name.');
  const fine =
    path.length > 0 &&
    Buffer.byteLength(path) <= MAX_PATH_BYTES &&
    path.isWellFormed() &&
    !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\\:*?"<>|]/u.test(path) &&
    path.split('/').every(isPart);
  if (fine) return path;
  throw hostile(`A file in the listing has an unacceptable name: ${JSON.stringify(tame(path))}`);
}

const isPart = (part: string): boolean =>
  part !== '' &&
  Buffer.byteLength(part) <= 255 &&
  !/^\.+$/.test(part) &&
  !/[. ]$/.test(part) &&
  part.toLowerCase() !== '.git' &&
  !RESERVED.test(part);

/** Percent-encodes a path, keeping its slashes. */
export const encodePath = (path: string): string => path.split('/').map(encodeURIComponent).join('/');
