import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { CheckError, PtError } from '../errors.ts';
import { proxyOptions, secureAgent } from '../host/proxy.ts';
import { parseUrl } from '../loopback.ts';
import { type Connection, refusalOf, toThrow, withPrefix } from './connection.ts';
import { type Doing, malformed, unreachable } from './hub-errors.ts';
import { TryAgain, throwIfCancelled } from './retry.ts';
import { checkTarget } from './targets.ts';

/**
 * Bytes of objects go through node:http, not fetch: fetch keeps a copy of a whole upload in memory and tells nothing of its progress.
 */

const MAX_REFUSAL = 64 * 1024;

export interface Put {
  url: URL;
  size: number;
  source: AsyncIterable<Uint8Array>;
  onBytes: (count: number) => void;
  signal: AbortSignal;
}

/** Sends one PUT with a body of known size and returns the answer's headers. No token is sent: the address is signed. */
export async function put(connection: Connection, doing: Doing, request: Put): Promise<Headers> {
  const { url, size, source, onBytes, signal } = request;
  checkTarget(url, connection.endpoint, connection.loopbackOnly);
  const outgoing = clientOf(url).request(url, {
    method: 'PUT',
    headers: { 'content-length': size, 'content-type': 'application/octet-stream' },
    signal,
  });
  const broken = new Promise<never>((_, reject) => outgoing.once('error', reject));
  broken.catch(() => {});
  const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>;
  answered.catch(() => {});
  // Once the answer or an error is there, nothing more is sent. (A race with promises here would grow with every chunk.)
  let early = false;
  let wake = (): void => {};
  for (const event of ['response', 'error'])
    outgoing.once(event, () => {
      early = true;
      wake();
    });
  const { idleMs, answerMs } = connection.policy;
  watchIdle(outgoing, idleMs);
  let whole = false;
  const due = bound(outgoing);
  try {
    let sent = 0;
    for await (const chunk of source) {
      if (early) break;
      sent += chunk.length;
      if (sent > size) throw changed(doing);
      // The source may use its buffer again as soon as it is asked for more: not before this chunk is with the system.
      onBytes(chunk.length);
      due.next(idleMs + chunk.length / SLOWEST_SEND);
      await new Promise<void>((resolve) => {
        wake = resolve;
        outgoing.write(chunk, () => resolve());
      });
      due.clear();
    }
    // A server that has every byte may answer before the source tells that it is at its end.
    if (sent === size) outgoing.end();
    else if (!early) throw changed(doing);
    outgoing.setTimeout(answerMs);
    due.next(answerMs);
    const [response] = await Promise.race([answered, broken]);
    const body = await readSome(response);
    const headers = headersOf(response);
    const status = response.statusCode ?? 0;
    whole = outgoing.writableFinished;
    if (status >= 200 && status < 300 && outgoing.writableEnded) return headers;
    throw toThrow(refusalOf(status, headers, body), doing);
  } catch (cause) {
    throw asFailure(cause, doing, signal);
  } finally {
    due.clear();
    // A connection in the middle of a body cannot serve another request.
    if (!whole) outgoing.destroy();
  }
}

export interface Get {
  url: URL;
  headers?: Record<string, string>;
  signal: AbortSignal;
}

export interface Got {
  status: number;
  headers: Headers;
  /** The final address after redirects. */
  url: URL;
  body: IncomingMessage;
}

const MAX_REDIRECTS = 5;

/** GETs an address, following redirects; the token goes to the Hub's own origin only. Statuses other than 2xx throw. */
export async function get(connection: Connection, doing: Doing, request: Get): Promise<Got> {
  const { signal } = request;
  let { url } = request;
  try {
    for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
      checkTarget(url, connection.endpoint, connection.loopbackOnly);
      const isHub = url.origin === connection.endpoint.origin;
      const outgoing = clientOf(url).request(url, {
        headers: {
          ...request.headers,
          'accept-encoding': 'identity',
          ...(isHub && connection.token ? { authorization: `Bearer ${connection.token.reveal()}` } : {}),
        },
        signal,
      });
      watchIdle(outgoing, connection.policy.idleMs);
      const due = bound(outgoing);
      due.next(connection.policy.idleMs);
      outgoing.end();
      const [body] = (await once(outgoing, 'response').finally(due.clear)) as [IncomingMessage];
      const status = body.statusCode ?? 0;
      const { location } = body.headers;
      if ([301, 302, 303, 307, 308].includes(status) && location) {
        body.resume();
        const next = parseUrl(location, url.href);
        if (next === null) throw malformed(doing, 'a redirect to no address');
        url = isHub && location.startsWith('/') ? withPrefix(connection, next) : next;
        continue;
      }
      const headers = headersOf(body);
      if (status >= 200 && status < 300) return { status, headers, url, body };
      due.next(connection.policy.idleMs);
      const error = toThrow(refusalOf(status, headers, await readSome(body).finally(due.clear)), doing);
      // The store's no to an address that the Hub signed: it has run out, or a clock is wrong. The Hub is asked for another.
      if (hop > 0 && [400, 401, 403].includes(status) && error instanceof PtError) throw new TryAgain(error);
      throw error;
    }
    throw new Error('too many redirects');
  } catch (cause) {
    throw asFailure(cause, doing, signal);
  }
}

/** What a broken transfer is to the caller: cancelled, worth another try, or the typed error that it was. */
export function asFailure(cause: unknown, doing: Doing, signal: AbortSignal): Error {
  try {
    throwIfCancelled(signal);
  } catch (cancelled) {
    return cancelled as Error;
  }
  if (!(cause instanceof Error) || cause instanceof TryAgain || 'exitCode' in cause) return cause as Error;
  const { code } = cause as NodeJS.ErrnoException;
  // A failing disk is ours, not the connection's.
  if (code !== undefined && LOCAL.has(code)) return cause;
  const error = unreachable(doing, cause);
  if (error.code === 'hub.certificate') return error;
  return new TryAgain(error, {
    refused: code === 'ECONNREFUSED' || code === 'ENOTFOUND',
  });
}

const LOCAL = new Set([
  'ENOSPC',
  'EDQUOT',
  'EACCES',
  'EPERM',
  'EROFS',
  'ENOENT',
  'EISDIR',
  'ENOTDIR',
  'EMFILE',
  'EIO',
  'ELOOP',
]);

let agents: { http: http.Agent; https: https.Agent } | null = null;

/** Made at the first use: by then it is known whether there is a proxy. */
function agentsNow() {
  const options = { keepAlive: true, maxSockets: 16 };
  agents ??= { http: new http.Agent({ ...options, ...proxyOptions() }), https: secureAgent(options) };
  return agents;
}

function clientOf(url: URL) {
  const agents = agentsNow();
  return url.protocol === 'https:'
    ? {
        request: (to: URL, options: https.RequestOptions) =>
          https.request(to, { agent: agents.https, ...options }),
      }
    : {
        request: (to: URL, options: http.RequestOptions) =>
          http.request(to, { agent: agents.http, ...options }),
      };
}

function watchIdle(outgoing: http.ClientRequest, idleMs: number): void {
  outgoing.setTimeout(idleMs);
  outgoing.on('timeout', () => {
    outgoing.destroy(Object.assign(new Error('nothing moved on the connection'), { code: 'ETIMEDOUT' }));
  });
}

/** Bytes a millisecond that an upload moves at the least. */
const SLOWEST_SEND = 16;

/** Gives up a request whose next step takes longer than `next` says, however busy its connection looks. */
function bound(outgoing: http.ClientRequest): { next(ms: number): void; clear(): void } {
  let timer: NodeJS.Timeout | undefined;
  const clear = (): void => clearTimeout(timer);
  return {
    clear,
    next(ms) {
      clear();
      timer = setTimeout(() => {
        outgoing.destroy(Object.assign(new Error('too slow'), { code: 'ETIMEDOUT' }));
      }, ms);
    },
  };
}

function headersOf(response: IncomingMessage): Headers {
  const headers = new Headers();
  for (let i = 0; i < response.rawHeaders.length; i += 2)
    headers.append(response.rawHeaders[i]!, response.rawHeaders[i + 1]!);
  return headers;
}

async function readSome(response: IncomingMessage): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > MAX_REFUSAL) break;
  }
  return Buffer.concat(chunks);
}

const changed = (doing: Doing): CheckError =>
  new CheckError('hub.file_changed', `Could not ${doing.action}: the file changed while it was being sent.`, {
    nextSteps: ['Leave the folder alone during the upload, then run the same command again.'],
  });
