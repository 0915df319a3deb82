import { PtError } from '../errors.ts';
import { parseUrl } from '../loopback.ts';
import type { Secret } from '../secret.ts';
import {
  type Doing,
  errorOf,
  isNoSpace,
  isTemporary,
  malformed,
  type Refusal,
  unreachable,
} from './hub-errors.ts';
import { parseRetryAfter, retrying, TryAgain, throwIfCancelled } from './retry.ts';
import { checkTarget } from './targets.ts';
import type { RetryPolicy } from './types.ts';

/** Everything that a request needs to know about the Hub it goes to. */
export interface Connection {
  endpoint: URL;
  /** `endpoint` as text without a slash at the end, for addresses and messages. */
  base: string;
  token?: Secret;
  loopbackOnly: boolean;
  policy: RetryPolicy;
  fetch: typeof fetch;
}

/** Answers of the API are small; a listing page is at most a few MB. */
const MAX_ANSWER = 32 * 1024 * 1024;
const MAX_REDIRECTS = 5;

export interface ApiRequest {
  action: string;
  repo?: string;
  /** Send again after a failure that leaves open whether it was done? Not for commits. Default true. */
  repeatable?: boolean;
  signal?: AbortSignal;
}

/**
 * A `fetch` for the Hub's API, also handed to @huggingface/hub: never sends the token to another origin, checks each redirect,
 * repeats what failed for a passing reason, bounds the answer, and throws typed errors for everything but success.
 */
export function apiFetch(connection: Connection, request: ApiRequest): typeof fetch {
  const doing = doingOf(connection, request);
  return (async (input: string | URL | Request, init: RequestInit = {}) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const { signal } = request;
    return await retrying(connection.policy, signal, async () => {
      let response: Response;
      try {
        response = await follow(
          connection,
          url,
          { ...init, signal: limit(signal, connection.policy.idleMs, init.body) },
          doing,
        );
      } catch (cause) {
        if (cause instanceof PtError) throw cause;
        throwIfCancelled(signal);
        const refused = isRefused(cause);
        const error = unreachable(doing, cause);
        if ((request.repeatable === false && !refused) || error.code === 'hub.certificate') throw error;
        throw new TryAgain(error, { refused });
      }
      let body: Uint8Array<ArrayBuffer>;
      try {
        body = await readBounded(response, MAX_ANSWER);
      } catch (cause) {
        if (cause instanceof RangeError) throw malformed(doing, `more than ${MAX_ANSWER} bytes`);
        throwIfCancelled(signal);
        if (request.repeatable === false) throw unreachable(doing, cause);
        throw new TryAgain(unreachable(doing, cause));
      }
      const { status, headers } = response;
      // 204 and 205 have no body by definition, and `Response` insists.
      if (response.ok) return new Response(body.length > 0 ? body : null, { status, headers });
      const refusal = refusalOf(response.status, response.headers, body);
      throw toThrow(refusal, doing, request.repeatable !== false);
    });
  }) as typeof fetch;
}

/** The error for a refusal, wrapped as worth another try when it is of a passing kind. */
export function toThrow(refusal: Refusal, doing: Doing, repeatable = true): Error {
  const error = errorOf(refusal, doing);
  // 429 was not done for sure; any other passing failure leaves that open.
  const again = isTemporary(refusal.status) && !isNoSpace(refusal) && (repeatable || refusal.status === 429);
  return again ? new TryAgain(error, { afterMs: refusal.retryAfterMs ?? null }) : error;
}

export function doingOf(
  connection: Connection,
  request: { action: string; repo?: string; reads?: boolean },
): Doing {
  return {
    action: request.action,
    ...(request.repo === undefined ? {} : { repo: request.repo }),
    endpoint: connection.base,
    hasToken: connection.token !== undefined,
    reads: request.reads ?? false,
  };
}

export function refusalOf(status: number, headers: Headers, body: Uint8Array): Refusal {
  const text = new TextDecoder().decode(body.subarray(0, 4096));
  let message = headers.get('x-error-message');
  if (!message) {
    try {
      const json = JSON.parse(text) as { error?: unknown; message?: unknown; errors?: unknown } | null;
      const listed = Array.isArray(json?.errors) ? json.errors : [];
      const said = [...listed.map((one) => one?.message), json?.error, json?.message];
      message = said.find((one) => typeof one === 'string') ?? null;
    } catch {
      message = text.trimStart().startsWith('<') ? null : text;
    }
  }
  // A date is the server's, whose clock may differ from this machine's.
  const now = Date.parse(headers.get('date') ?? '') || Date.now();
  const retryAfterMs = parseRetryAfter(headers.get('retry-after'), now);
  return { status, code: headers.get('x-error-code'), message, retryAfterMs };
}

/** Follows redirects (a renamed repository has one) on the Hub itself; the API of another host is never asked, with or without a token. */
async function follow(connection: Connection, url: URL, init: RequestInit, doing: Doing): Promise<Response> {
  let target = url;
  let { method = 'GET', body = null } = init;
  for (let hop = 0; ; hop += 1) {
    if (target.origin !== connection.endpoint.origin || hop > MAX_REDIRECTS)
      throw malformed(doing, hop > MAX_REDIRECTS ? 'too many redirects' : `a redirect to ${target.host}`);
    checkTarget(target, connection.endpoint, connection.loopbackOnly);
    const response = await connection.fetch(target, { ...init, method, body, redirect: 'manual' });
    const location = response.headers.get('location');
    if (![301, 302, 303, 307, 308].includes(response.status) || !location) return response;
    await response.body?.cancel();
    if (method !== 'GET' && response.status !== 307 && response.status !== 308) {
      method = 'GET';
      body = null;
    }
    const next = parseUrl(location, target.href);
    if (next === null) throw malformed(doing, 'a redirect to no address');
    target = location.startsWith('/') ? withPrefix(connection, next) : next;
  }
}

/** A path that the Hub names, as it is reached here: a mirror may have it under a path of its own. */
export function withPrefix({ endpoint }: Connection, address: URL): URL {
  const prefix = endpoint.pathname.replace(/\/+$/, '');
  if (prefix === '' || address.origin !== endpoint.origin) return address;
  if (address.pathname === prefix || address.pathname.startsWith(`${prefix}/`)) return address;
  const inside = new URL(address);
  inside.pathname = prefix + address.pathname;
  return inside;
}

/**
 * An address at which the Hub says that it is itself, as it is reached here: a Hub behind a mirror names the Hub, and the mirror is who was
 * asked for and who gets the token.
 */
export function atEndpoint(connection: Connection, address: string): URL | null {
  const given = parseUrl(address, `${connection.base}/`);
  if (given === null) return null;
  const here = new URL(connection.endpoint);
  [here.pathname, here.search] = [given.pathname, given.search];
  return withPrefix(connection, here);
}

/** An answer of the API is whole in the time that a connection may stand still, and what is sent moves at 16 kB/s at the least. */
function limit(signal: AbortSignal | undefined, idleMs: number, body: unknown): AbortSignal {
  const sending = typeof body === 'string' ? body.length / 16 : 0;
  const timeout = AbortSignal.timeout(Math.ceil(idleMs + sending));
  return signal ? AbortSignal.any([signal, timeout]) : timeout;
}

/** Throws RangeError when the body is longer than `max`. */
async function readBounded(response: Response, max: number): Promise<Uint8Array<ArrayBuffer>> {
  if (!response.body) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body) {
    size += chunk.length;
    if (size > max) throw new RangeError('too long');
    chunks.push(chunk);
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/** Nobody listens, or the name is unknown: nothing was sent. */
export function isRefused(cause: unknown): boolean {
  const error = cause as { code?: string; cause?: unknown; errors?: unknown[] } | undefined;
  if (['ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH', 'ENETUNREACH'].includes(error?.code ?? '')) return true;
  return error?.cause !== undefined && isRefused(error.cause);
}
