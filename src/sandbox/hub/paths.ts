import { isHubRepo } from '../../rules/repository.ts';
import { HubError } from './hub-error.ts';

/** Throws 400 unless this can be `namespace/name`. */
export function checkRepoId(id: string): string {
  if (isHubRepo(id)) return id;
  throw new HubError(400, `Invalid repository name: ${JSON.stringify(id)}`);
}

/** Throws 400 unless this can be a file's path in a repository. */
export function checkPath(path: unknown): string {
  const fine =
    typeof path === 'string' &&
    path.length > 0 &&
    Buffer.byteLength(path) <= 1024 &&
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
    !/[\x00-\x1f\x7f\\]/.test(path) &&
    path
      .split('/')
      .every((part) => part !== '' && part !== '.' && part !== '..' && part.toLowerCase() !== '.git');
  if (fine) return path;
  throw new HubError(400, `Invalid path: ${JSON.stringify(path)}`);
}
