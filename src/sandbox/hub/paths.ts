import { HubError } from './hub-error.ts';

const NAME = /^(?!.*(?:--|\.\.))[A-Za-z0-9_](?:[\w.-]{0,94}[A-Za-z0-9_])?$/;

/** Throws 400 unless this can be a namespace or a repository's name. */
export function checkName(name: unknown): string {
  if (typeof name === 'string' && NAME.test(name) && !name.endsWith('.git')) return name;
  throw new HubError(400, `Invalid repository name: ${JSON.stringify(name)}`);
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
