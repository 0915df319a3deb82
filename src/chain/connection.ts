import { OutsideError, PtError } from '../errors.ts';
import { describeEndpoint } from './endpoint.ts';
import { type RuntimeId, readCachedMetadata, writeCachedMetadata } from './metadata-cache.ts';
import { type Call, ConnectionLost, openRpc, type Rpc, RpcError } from './rpc.ts';
import { fromHex, type Runtime, readRuntime } from './runtime.ts';

/** What is known of the chain behind the open connection. */
export interface Session extends RuntimeId {
  rpc: Rpc;
  runtime: Runtime;
  transactionVersion: number;
  chainName: string;
}

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
        if (!(error instanceof ConnectionLost || error instanceof RpcError)) throw error;
        reasons.push(`${describeEndpoint(endpoint)}: ${error.message}`);
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
        if (error instanceof RpcError)
          throw new OutsideError('chain.refused', `The chain refused ${error.method}: ${error.message}.`, {
            cause: error,
            nextSteps: ['pt doctor', 'Try another endpoint: --network ws://HOST:PORT'],
          });
        if (!(error instanceof ConnectionLost))
          throw new OutsideError(
            'chain.unreadable',
            `The chain's answer could not be understood: ${(error as Error).message}.`,
            { cause: error, nextSteps: ['Try another endpoint: --network ws://HOST:PORT'] },
          );
        // A silent connection is not worth asking again.
        if (current?.rpc.open) drop(current.rpc);
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

/** Learns what chain and runtime this is, and gets the metadata: from `known`, from the cache, or from the node. */
async function greet(rpc: Rpc, cacheDir: string | undefined, known: Session | null): Promise<Session> {
  const [genesis, version, name] = await rpc.batch([
    ['chain_getBlockHash', 0],
    ['state_getRuntimeVersion'],
    ['system_chain'],
  ]);
  const id = { genesisHash: String(genesis), ...versionsOf(version) };
  if (!/^0x[0-9a-f]{64}$/i.test(id.genesisHash))
    throw new ConnectionLost('it does not answer like a Substrate node');
  const base = { rpc, ...id, chainName: String(name).slice(0, 80) };
  if (
    known &&
    known.genesisHash === id.genesisHash &&
    known.specVersion === id.specVersion &&
    known.implVersion === id.implVersion
  )
    return { ...base, runtime: known.runtime };
  return { ...base, runtime: await loadRuntime(rpc, cacheDir, id) };
}

/** The numbers of a runtime version as the node gives them. */
export function versionsOf(version: unknown): {
  specVersion: number;
  implVersion: number;
  transactionVersion: number;
} {
  const { specVersion, implVersion, transactionVersion } = (version ?? {}) as Record<string, unknown>;
  const numbers = {
    specVersion: Number(specVersion),
    implVersion: Number(implVersion ?? 0),
    transactionVersion: Number(transactionVersion),
  };
  if (!Object.values(numbers).every((number) => Number.isSafeInteger(number) && number >= 0))
    throw new ConnectionLost('it does not tell its runtime version');
  return numbers;
}

/** Metadata from the cache, else from the node (version 15, or what `state_getMetadata` gives), read into codecs. */
export async function loadRuntime(rpc: Rpc, cacheDir: string | undefined, id: RuntimeId): Promise<Runtime> {
  const cached = cacheDir ? await readCachedMetadata(cacheDir, id) : null;
  if (cached) {
    try {
      return readRuntime(cached);
    } catch {
      // Written by another version of this tool, perhaps: fetched anew below.
    }
  }
  const metadata = await fetchMetadata(rpc);
  const runtime = readRuntime(metadata);
  if (cacheDir) await writeCachedMetadata(cacheDir, id, metadata);
  return runtime;
}

async function fetchMetadata(rpc: Rpc): Promise<Uint8Array> {
  try {
    const [answer] = await rpc.batch([['state_call', 'Metadata_metadata_at_version', '0x0f000000']]);
    const bytes = fromHex(answer);
    if (bytes[0] === 1) return withoutLength(bytes.subarray(1));
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
  }
  const [answer] = await rpc.batch([['state_getMetadata']]);
  return fromHex(answer);
}

/** Takes the compact length away from an opaque byte string. */
function withoutLength(bytes: Uint8Array): Uint8Array {
  const mode = (bytes[0] ?? 0) & 3;
  return bytes.subarray([1, 2, 4, 5][mode]);
}
