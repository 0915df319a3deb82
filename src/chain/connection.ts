import { OutsideError, PtError } from '../errors.ts';
import { describeEndpoint } from './endpoint.ts';
import { greet, type Session } from './greet.ts';
import { type Call, ConnectionLost, openRpc, type Rpc, RpcError } from './rpc.ts';

/** Keeps one connection to one chain: fails over, reconnects, and reads again what a broken connection left unanswered. */
export interface Connection {
  session(): Session;
  /** Runs reads, which may be repeated. Reconnects between attempts until the time is up; throws `OutsideError` then. */
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

/** A node that does not have a block yet which another endpoint has told us of. */
const BEHIND = /unknown ?block|header (was )?not found/i;

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
        reasons.push(`${describeEndpoint(endpoint)}: ${(error as Error).message}`);
      }
    }
    throw new ConnectionLost(reasons.join('; '));
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
        'pt doctor',
        'Try another endpoint: --network ws://HOST:PORT',
      ],
    });

  const read = async <T>(reads: (session: Session) => Promise<T>): Promise<T> => {
    const deadline = performance.now() + timeoutMs;
    for (let attempt = 0; ; attempt++) {
      try {
        return await reads(await ready());
      } catch (error) {
        if (error instanceof PtError) throw error;
        if (error instanceof RpcError && !BEHIND.test(error.message))
          throw new OutsideError('chain.refused', `The chain refused ${error.method}: ${error.message}.`, {
            cause: error,
            nextSteps: ['pt doctor', 'Try another endpoint: --network ws://HOST:PORT'],
          });
        if (!(error instanceof ConnectionLost || error instanceof RpcError))
          throw new OutsideError(
            'chain.unreadable',
            `The chain's answer could not be understood: ${(error as Error).message}.`,
            { cause: error, nextSteps: ['Try another endpoint: --network ws://HOST:PORT'] },
          );
        // A silent connection is not worth asking again.
        if (error instanceof ConnectionLost && current?.rpc.open) drop(current.rpc);
        if (closed || performance.now() >= deadline) throw unreachable(error);
        await sleep(Math.min(100 * 2 ** attempt, 2000, Math.max(0, deadline - performance.now())));
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
  // The first connection is tried once over all endpoints: a wrong address should be said at once.
  try {
    await ready();
  } catch (error) {
    if (error instanceof ConnectionLost) throw unreachable(error);
    throw error;
  }
  return connection;
}
