import { setTimeout as sleep } from 'node:timers/promises';
import { Cancelled, EXIT, type PtError } from '../errors.ts';
import type { RetryPolicy } from './types.ts';

export const DEFAULT_RETRY: RetryPolicy = {
  attempts: 5,
  baseMs: 500,
  capMs: 30_000,
  maxWaitMs: 120_000,
  idleMs: 60_000,
  answerMs: 300_000,
};

/** Thrown by an attempt that may succeed later; `error` is what the caller gets when the tries are used up. */
export class TryAgain extends Error {
  readonly error: PtError;
  /** What the server asked for (`Retry-After`), if anything. */
  readonly afterMs: number | null;
  /** Nobody listens there: waiting long rarely helps, so one more try only. */
  readonly refused: boolean;

  constructor(
    error: PtError,
    { afterMs = null, refused = false }: { afterMs?: number | null; refused?: boolean } = {},
  ) {
    super(error.message);
    this.error = error;
    this.afterMs = afterMs;
    this.refused = refused;
  }
}

/** Runs `attempt` until it does not throw `TryAgain`, at most `policy.attempts` times. */
export async function retrying<Result>(
  policy: RetryPolicy,
  signal: AbortSignal | undefined,
  attempt: (number: number) => Promise<Result>,
): Promise<Result> {
  for (let number = 1; ; number += 1) {
    throwIfCancelled(signal);
    try {
      return await attempt(number);
    } catch (failure) {
      throwIfCancelled(signal);
      if (!(failure instanceof TryAgain)) throw failure;
      if (number >= (failure.refused ? Math.min(2, policy.attempts) : policy.attempts)) throw failure.error;
      await pause(policy, number, failure, signal);
    }
  }
}

/** Waits as the server asked, or longer each time with jitter; throws the failure when the server asks for too long. */
export async function pause(
  policy: RetryPolicy,
  number: number,
  failure: TryAgain,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (failure.afterMs !== null && failure.afterMs > policy.maxWaitMs) throw failure.error;
  const own = Math.min(policy.capMs, policy.baseMs * 2 ** (number - 1));
  // Jitter spreads clients that were thrown out together; never earlier than asked.
  const wait =
    failure.afterMs === null ? own * (0.5 + Math.random() / 2) : failure.afterMs + own * 0.1 * Math.random();
  await sleep(wait, undefined, { signal }).catch(() => throwIfCancelled(signal));
}

/** Milliseconds of a `Retry-After` header (seconds, or an HTTP date); null when it says nothing usable. */
export function parseRetryAfter(header: string | null | undefined, now = Date.now()): number | null {
  const text = header?.trim();
  if (!text) return null;
  if (/^\d{1,9}(\.\d+)?$/.test(text)) return Number(text) * 1000;
  if (!/^[A-Za-z]{3},? /.test(text)) return null;
  const date = Date.parse(text);
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}

export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new Cancelled('The transfer was cancelled.', { exitCode: EXIT.cancelled });
}
