import { type ErrorReport, reportOf } from '../errors.ts';
import { diskError } from '../host/disk-error.ts';
import { maskTokens } from '../text/harmless.ts';

const SECRET_VARIABLES = ['HF_ACCESS_TOKEN', 'HF_TOKEN', 'WANDB_API_KEY', 'BT_WALLET_PASSWORD'];

/**
 * The report of an error as it may be shown: what looks like a token, and the very values of secret variables, are hidden, wherever
 * the text came from (a library's message, a mistyped argument).
 */
export function publicReport(error: unknown, env: NodeJS.ProcessEnv): ErrorReport {
  const secrets = SECRET_VARIABLES.map((name) => env[name] ?? '').filter((value) => value.length >= 6);
  const hide = (text: string) =>
    secrets.reduce((shown, secret) => shown.replaceAll(secret, '***'), maskTokens(text));
  const walk = (value: unknown): unknown => {
    if (typeof value === 'string') return hide(value);
    if (Array.isArray(value)) return value.map(walk);
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, walk(inner)]));
  };
  return walk(reportOf(named(error))) as ErrorReport;
}

/** A failure of the file system that no room foresaw is still no bug. */
function named(error: unknown): unknown {
  const { path, code } = (error ?? {}) as NodeJS.ErrnoException;
  return path !== undefined || code === 'ENOSPC' ? diskError(error, path ?? 'a file') : error;
}
