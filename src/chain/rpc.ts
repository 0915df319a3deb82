import WebSocket from 'ws';
import { webSocketAgent } from '../host/proxy.ts';
import { harmless } from '../text/harmless.ts';
import { isTransient } from './answers.ts';

/** Text out of untrusted JSON: what is no text becomes JSON, made harmless, at most `max` characters. Never throws. */
export function textOf(value: unknown, max = 300): string {
  let text: string | undefined;
  try {
    text = typeof value === 'string' ? value : JSON.stringify(value);
  } catch {}
  return harmless((text ?? 'nothing').slice(0, max));
}

/** What an error says; libraries throw other things too. */
export const wordsOf = (error: unknown): string => textOf(error instanceof Error ? error.message : error);

/** The node answered, with an error. */
export class RpcError extends Error {
  /** NaN where the node gives none. */
  readonly rpcCode: number;
  readonly method: string;

  constructor(method: string, error: unknown) {
    const { code, message, data } = (typeof error === 'object' && error ? error : { message: error }) as {
      [key: string]: unknown;
    };
    super(
      [message ?? 'an error without words', data]
        .filter((part) => part !== undefined && part !== null)
        .map((part) => textOf(part))
        .join(': '),
    );
    this.method = method;
    this.rpcCode =
      typeof code === 'number' || (typeof code === 'string' && code !== '') ? Number(code) : Number.NaN;
  }

  /** Whether asking the same again later is the right answer. */
  get transient(): boolean {
    return isTransient(this.rpcCode, this.message);
  }
}

/** The node did not answer: no connection, a connection that broke, or silence until the time was up. */
export class ConnectionLost extends Error {
  /** The server is there and says that it would answer later. */
  readonly busy: boolean;

  constructor(message: string, busy = false) {
    super(message);
    this.busy = busy;
  }
}

export type Call = [method: string, ...params: unknown[]];

/** One WebSocket to one node. */
export interface Rpc {
  readonly endpoint: string;
  readonly open: boolean;
  /** Sends calls in one frame and resolves to their results in order; an error of any of them rejects. */
  batch<const Calls extends readonly Call[]>(calls: Calls): Promise<{ [K in keyof Calls]: unknown }>;
  /** Frames sent and received so far. */
  readonly frames: { sent: number; received: number };
  close(): void;
}

/** Largest answer taken; the metadata of a big runtime is under 1 MiB. */
const MAX_PAYLOAD = 64 << 20;

interface Pending {
  method: string;
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/** Opens a connection; rejects with `ConnectionLost` when that does not succeed within `timeoutMs`. */
export function openRpc(endpoint: string, timeoutMs: number): Promise<Rpc> {
  const socket = new WebSocket(endpoint, {
    handshakeTimeout: timeoutMs,
    maxPayload: MAX_PAYLOAD,
    perMessageDeflate: false,
    followRedirects: false,
    ...webSocketAgent(endpoint, timeoutMs),
  });
  const pending = new Map<number, Pending>();
  const frames = { sent: 0, received: 0 };
  let nextId = 1;
  /** Set when the server answered a batch with one refusal: calls then go out as single frames, still all at once. */
  let batchRefused = false;

  const failAll = (reason: string): void => {
    const lost = new ConnectionLost(reason);
    for (const { reject } of pending.values()) reject(lost);
    pending.clear();
  };
  const settle = (message: unknown): void => {
    const { id, result, error } = (message ?? {}) as { id?: unknown; result?: unknown; error?: unknown };
    const waiting = pending.get(id as number);
    if (!waiting) return;
    pending.delete(id as number);
    if (error) waiting.reject(new RpcError(waiting.method, error));
    else waiting.resolve(result);
  };

  const send = (calls: readonly Call[]): Promise<unknown>[] => {
    if (socket.readyState !== WebSocket.OPEN) return [Promise.reject(new ConnectionLost('not connected'))];
    const requests = calls.map(([method, ...params]) => ({ jsonrpc: '2.0', id: nextId++, method, params }));
    const answers = requests.map(
      ({ id, method }) =>
        new Promise((resolve, reject) => {
          const timer = setTimeout(() => {
            pending.delete(id);
            reject(new ConnectionLost(`no answer to ${method} within ${timeoutMs / 1000} s`));
          }, timeoutMs);
          const done =
            <T>(settleIt: (value: T) => void) =>
            (value: T): void => {
              clearTimeout(timer);
              settleIt(value);
            };
          pending.set(id, { method, resolve: done(resolve), reject: done(reject) });
        }),
    );
    const bodies = requests.length > 1 && !batchRefused ? [requests] : requests;
    for (const body of bodies) {
      frames.sent++;
      socket.send(JSON.stringify(body));
    }
    return answers;
  };

  const refuseBatch = (error: object): void => {
    // A server that is busy refuses this batch, one that takes none says so.
    batchRefused ||= !new RpcError('batch', error).transient || /batch/i.test(textOf(error));
    for (const [id, { method, reject }] of pending) {
      pending.delete(id);
      reject(new RpcError(method, error));
    }
  };

  const rpc: Rpc = {
    endpoint,
    frames,
    get open() {
      return socket.readyState === WebSocket.OPEN;
    },
    async batch<const Calls extends readonly Call[]>(calls: Calls) {
      type Results = { [K in keyof Calls]: unknown };
      const singleBefore = batchRefused;
      try {
        return (await Promise.all(send(calls))) as Results;
      } catch (error) {
        if (batchRefused && !singleBefore && error instanceof RpcError)
          return (await Promise.all(send(calls))) as Results;
        throw error;
      }
    },
    close() {
      failAll('the connection was closed');
      // `terminate` leaves nothing behind that keeps the process alive.
      socket.terminate();
    },
  };

  return new Promise((resolve, reject) => {
    // `handshakeTimeout` is about silence; a server that sends a byte now and then is given up too.
    const late = setTimeout(() => socket.terminate(), 2 * timeoutMs);
    socket.on('close', () => clearTimeout(late));
    socket.on('open', () => {
      clearTimeout(late);
      resolve(rpc);
    });
    socket.on('unexpected-response', (request, { statusCode = 0 }) => {
      request.destroy();
      // As `ws` itself would end it, and with the answers that only mean "later" told apart.
      const busy = [408, 425, 429, 500, 502, 503, 504].includes(statusCode);
      const lost = new ConnectionLost(`it answers HTTP ${statusCode} instead of a WebSocket`, busy);
      reject(lost);
      socket.terminate();
    });
    socket.on('error', (error) => {
      reject(new ConnectionLost(error.message));
      failAll(error.message);
      socket.terminate();
    });
    socket.on('close', (code) => {
      const reason = `the connection broke (${code})`;
      reject(new ConnectionLost(reason));
      failAll(reason);
    });
    socket.on('message', (data) => {
      frames.received++;
      let message: unknown;
      try {
        message = JSON.parse(String(data));
      } catch {
        socket.terminate();
        return;
      }
      if (Array.isArray(message)) for (const one of message) settle(one);
      else if (isRefusal(message)) refuseBatch(message.error);
      else settle(message);
    });
  });
}

/** An error that belongs to no call: how servers answer a batch that they do not take. */
const isRefusal = (message: unknown): message is { error: object } =>
  typeof message === 'object' &&
  message !== null &&
  'error' in message &&
  typeof message.error === 'object' &&
  message.error !== null &&
  (!('id' in message) || message.id === null);
