import { OutsideError, PtError } from '../errors.ts';
import { certificateSteps } from '../host/certificate.ts';
import { proxySteps } from '../host/proxy.ts';
import { retryAfter } from './answers.ts';
import { greet, refreshRuntime, type Session } from './greet.ts';
import { type Call, ConnectionLost, openRpc, type Rpc, RpcError, wordsOf } from './rpc.ts';
import { MissingPart } from './runtime.ts';

/** Keeps one connection to one chain: fails over, reconnects, and reads again what a broken connection left unanswered. */
export interface Connection {
  session(): Session;
  /** Runs reads, which may be repeated. Reconnects, or waits for a busy node, until the time is up; throws `OutsideError` then. */
  read<T>(reads: (session: Session) => Promise<T>): Promise<T>;
  /** Sends one call exactly once; rejects with `ConnectionLost` when its fate is unknown. */
  once(call: Call): Promise<unknown>;
  /** Closes the socket and breaks off the read in progress: the next attempt learns the runtime anew. */
  renew(): never;
  frames(): { sent: number; received: number };
  close(): void;
}

export interface ConnectionOptions {
  endpoints: string[];
  cacheDir?: string | undefined;
  timeoutMs: number;
}

/** A node that says that it is busy is waited for so many times as long as one that says nothing. */
const BUSY_PATIENCE = 3;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Opens the first endpoint that answers. */
export async function openConnection({
  endpoints,
  cacheDir,
  timeoutMs,
}: ConnectionOptions): Promise<Connection> {
  const total = { sent: 0, received: 0 };
  let closed = false;
  let current: Session | null = null;
  let opening: Promise<Session> | null = null;
  let genesis: string | null = null;
  let preferred = 0;

  const dropped = new WeakSet<Rpc>();
  const drop = (rpc: Rpc): void => {
    if (dropped.has(rpc)) return;
    dropped.add(rpc);
    total.sent += rpc.frames.sent;
    total.received += rpc.frames.received;
    rpc.close();
  };

  /** One round over the endpoints, beginning with the one that worked last. */
  const openAny = async (): Promise<Session> => {
    const reasons: string[] = [];
    let busy = false;
    for (let i = 0; i < endpoints.length; i++) {
      const index = (preferred + i) % endpoints.length;
      const endpoint = endpoints[index]!;
      let rpc: Rpc | null = null;
      try {
        rpc = await openRpc(endpoint, timeoutMs);
        const session = await greet(rpc, cacheDir, current);
        if (genesis !== null && session.genesisHash !== genesis)
          throw new ConnectionLost('it is another chain than before');
        genesis = session.genesisHash;
        preferred = index;
        current = session;
        if (closed) throw new ConnectionLost('the connection was closed');
        return session;
      } catch (error) {
        if (rpc) drop(rpc);
        // Whatever a server answers, the next endpoint may do better.
        reasons.push(`${endpoint}: ${wordsOf(error)}`);
        busy ||= isBusy(error);
      }
    }
    throw new ConnectionLost(reasons.join('; '), busy);
  };

  const ready = async (): Promise<Session> => {
    if (closed) throw new ConnectionLost('the connection was closed');
    if (current?.rpc.open) return current;
    if (current) drop(current.rpc);
    opening ??= openAny().finally(() => {
      opening = null;
    });
    return opening;
  };

  const unreachable = (cause: Error): OutsideError =>
    new OutsideError('chain.unreachable', `The chain cannot be reached: ${cause.message}.`, {
      cause,
      nextSteps: [
        ...(endpoints.some((endpoint) => endpoint.includes('127.0.0.1') || endpoint.includes('localhost'))
          ? ['pt sandbox start --detach']
          : []),
        ...(certificateSteps(cause.message) ?? []),
        ...proxySteps(),
        'pt doctor',
        'Try another endpoint: --network ws://HOST:PORT',
      ],
    });

  const busyError = (cause: Error): OutsideError =>
    new OutsideError(
      'chain.busy',
      `The chain's node still says that it is busy after ${Math.round((BUSY_PATIENCE * timeoutMs) / 1000)} s: ${cause.message}.`,
      {
        cause,
        nextSteps: ['Try another endpoint: --network ws://HOST:PORT', 'Run it again in a few minutes.'],
      },
    );

  /** Metadata out of a file that does not fit what the node answers is replaced, once. Whether there is something new to try. */
  const heal = async (): Promise<boolean> => {
    if (current?.source !== 'cache' || !current.rpc.open) return false;
    await refreshRuntime(current).catch(() => {});
    return current.source !== 'cache';
  };

  const read = async <T>(reads: (session: Session) => Promise<T>): Promise<T> => {
    const startedAt = performance.now();
    for (let attempt = 0; ; attempt++) {
      try {
        return await reads(await ready());
      } catch (error) {
        if (error instanceof PtError) throw error;
        if (error instanceof RpcError && !error.transient)
          throw new OutsideError('chain.refused', `The chain refused ${error.method}: ${error.message}.`, {
            cause: error,
            nextSteps: ['pt doctor', 'Try another endpoint: --network ws://HOST:PORT'],
          });
        if (!(error instanceof ConnectionLost || error instanceof RpcError)) {
          if (await heal()) continue;
          if (error instanceof MissingPart)
            throw new OutsideError(
              'chain.unsupported',
              `The runtime of ${current?.rpc.endpoint ?? 'the chain'} has no ${error.message}: it is no subtensor, or one that pt does not know.`,
              { cause: error, nextSteps: ['Try another endpoint: --network ws://HOST:PORT', 'pt doctor'] },
            );
          throw new OutsideError(
            'chain.unreadable',
            `The chain's answer could not be understood: ${wordsOf(error)}.`,
            { cause: error, nextSteps: ['Try another endpoint: --network ws://HOST:PORT'] },
          );
        }
        const busy = isBusy(error);
        // A silent connection is not worth asking again.
        if (!busy && current?.rpc.open) drop(current.rpc);
        // Another endpoint may have time.
        if (busy && endpoints.length > 1 && attempt % 3 === 2 && current) {
          drop(current.rpc);
          preferred = (preferred + 1) % endpoints.length;
        }
        const left = startedAt + timeoutMs * (busy ? BUSY_PATIENCE : 1) - performance.now();
        if (closed || left <= 0) throw busy ? busyError(error) : unreachable(error);
        const wait = busy ? Math.max(retryAfter(error.message), 250 * 2 ** attempt) : 100 * 2 ** attempt;
        await sleep(Math.min(wait, busy ? 10_000 : 2000, left));
      }
    }
  };

  const connection: Connection = {
    session() {
      if (!current) throw new ConnectionLost('not connected');
      return current;
    },
    read,
    async once(call) {
      const { rpc } = await ready();
      const [result] = await rpc.batch([call]);
      return result;
    },
    renew() {
      if (current) drop(current.rpc);
      throw new ConnectionLost('the runtime was upgraded');
    },
    frames: () => ({
      sent: total.sent + (current && !dropped.has(current.rpc) ? current.rpc.frames.sent : 0),
      received: total.received + (current && !dropped.has(current.rpc) ? current.rpc.frames.received : 0),
    }),
    close() {
      closed = true;
      if (current) drop(current.rpc);
    },
  };
  // The first connection is tried once over all endpoints: a wrong address should be said at once. A busy server is waited for.
  try {
    await ready();
  } catch (error) {
    if (!isBusy(error)) throw error instanceof ConnectionLost ? unreachable(error) : error;
    try {
      await read(async () => {});
    } catch (late) {
      connection.close();
      throw late;
    }
  }
  return connection;
}

const isBusy = (error: unknown): boolean =>
  (error instanceof RpcError && error.transient) || (error instanceof ConnectionLost && error.busy);
