import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { mask, maskAll } from '../secret.ts';
import { filled, parseTarget, type Target } from './target.ts';

/** One thing that happened. */
export interface Notice {
  event: 'run_ended' | 'run_failed' | 'published' | 'revealed' | 'on_top' | 'overtaken';
  /** In one sentence, for people. */
  text: string;
  /** What else is known: run, state, steps, loss, repository, block, place …; never secrets. */
  [field: string]: unknown;
}

export interface Notifier {
  /** Sends it beside whatever goes on; a failure is a warning, and nothing else. */
  tell(notice: Notice): void;
  /** Waits until all that was told is sent or given up, no longer than a notice may take. */
  settled(): Promise<void>;
}

export interface NotifierOptions {
  /** `--notify`; null: nobody is told. */
  target: string | null;
  offline: boolean;
  warn: (text: string) => void;
  /** How long a try may take, how long it waits before the next ones, and the end of it all, in ms. */
  tryMs?: number;
  waitsMs?: readonly number[];
  boundMs?: number;
}

/** Throws what `parseTarget` throws, before anything has begun. */
export function openNotifier({
  target: text,
  offline,
  warn,
  tryMs = 5000,
  waitsMs = [1000, 4000, 8000],
  boundMs = 30_000,
}: NotifierOptions): Notifier {
  if (text === null) return { tell() {}, settled: async () => {} };
  const target = parseTarget(text, offline);
  const pending = new Set<Promise<void>>();
  return {
    tell(notice) {
      const whole = { time: new Date().toISOString(), host: hostname(), ...maskAll(notice) };
      const sending = send(target, whole, { tryMs, waitsMs, boundMs })
        .catch((error: Error) => warn(`Nobody was told (${notice.event}): ${mask(error.message)}`))
        .finally(() => pending.delete(sending));
      pending.add(sending);
    },
    settled: async () => {
      await Promise.all(pending);
    },
  };
}

type Times = Required<Pick<NotifierOptions, 'tryMs' | 'waitsMs' | 'boundMs'>>;

async function send({ url, template }: Target, notice: Notice, times: Times): Promise<void> {
  const body = JSON.stringify(template === null ? notice : filled(template, notice));
  const end = AbortSignal.timeout(times.boundMs);
  for (let attempt = 0; ; attempt += 1) {
    const failure = await post(url.reveal(), body, AbortSignal.any([end, AbortSignal.timeout(times.tryMs)]));
    if (failure === null) return;
    const wait = times.waitsMs[attempt];
    if (!failure.again || wait === undefined || end.aborted) throw new Error(failure.why);
    await sleep(wait, undefined, { signal: end }).catch(() => {});
    if (end.aborted) throw new Error(failure.why);
  }
}

/** Null: taken. A redirect is not followed: the address is a secret, and another host is another reader. */
async function post(
  url: string,
  body: string,
  signal: AbortSignal,
): Promise<{ why: string; again: boolean } | null> {
  try {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(url, { method: 'POST', headers, body, signal, redirect: 'manual' });
    await answer.body?.cancel();
    if (answer.ok) return null;
    const again = answer.status === 408 || answer.status === 429 || answer.status >= 500;
    return { why: `the webhook answered ${answer.status}.`, again };
  } catch (error) {
    const slow = signal.aborted;
    const { cause, message } = error as Error;
    const why = cause instanceof Error ? cause.message : message;
    return {
      why: slow ? 'the webhook does not answer.' : `the webhook cannot be reached (${why}).`,
      again: true,
    };
  }
}
