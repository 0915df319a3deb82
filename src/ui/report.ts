import { type ErrorReport, reportOf } from '../errors.ts';
import { diskError } from '../host/disk-error.ts';
import { maskAll } from '../secret.ts';
import { knowSecretSources } from '../settings/secret-sources.ts';

/** The report of an error as it may be shown, wherever its text came from (a library's message, a mistyped argument). */
export function publicReport(error: unknown, env: NodeJS.ProcessEnv, cwd: string): ErrorReport {
  knowSecretSources(env, cwd);
  return maskAll(reportOf(named(error)));
}

/** A failure of the file system that no room foresaw is still no bug. */
function named(error: unknown): unknown {
  const { path, code } = (error ?? {}) as NodeJS.ErrnoException;
  return path !== undefined || code === 'ENOSPC' ? diskError(error, path ?? 'a file') : error;
}
