import { type RuntimeId, readCachedMetadata, writeCachedMetadata } from './metadata-cache.ts';
import { ConnectionLost, type Rpc, RpcError } from './rpc.ts';
import { fromHex, type Runtime, readRuntime } from './runtime.ts';

/** What is known of the chain behind an open connection. */
export interface Session extends RuntimeId {
  rpc: Rpc;
  runtime: Runtime;
  transactionVersion: number;
  chainName: string;
}

/** Learns what chain and runtime this is, and gets its metadata: from `known`, from the cache, or from the node. */
export async function greet(rpc: Rpc, cacheDir: string | undefined, known: Session | null): Promise<Session> {
  const [genesis, version, name] = await rpc.batch([
    ['chain_getBlockHash', 0],
    ['state_getRuntimeVersion'],
    ['system_chain'],
  ]);
  const id = { genesisHash: String(genesis), ...versionsOf(version) };
  if (!/^0x[0-9a-f]{64}$/i.test(id.genesisHash))
    throw new ConnectionLost('it does not answer like a Substrate node');
  const runtime = known && isSame(known, id) ? known.runtime : await loadRuntime(rpc, cacheDir, id);
  return { rpc, ...id, runtime, chainName: String(name).slice(0, 80) };
}

const isSame = (a: RuntimeId, b: RuntimeId): boolean =>
  a.genesisHash === b.genesisHash && a.specVersion === b.specVersion && a.implVersion === b.implVersion;

/** The numbers of a runtime version as the node gives them. */
export function versionsOf(
  version: unknown,
): Pick<Session, 'specVersion' | 'implVersion' | 'transactionVersion'> {
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

/** Metadata from the cache, else from the node, read into codecs. A cached file that cannot be read is fetched anew. */
async function loadRuntime(rpc: Rpc, cacheDir: string | undefined, id: RuntimeId): Promise<Runtime> {
  const cached = cacheDir ? await readCachedMetadata(cacheDir, id) : null;
  if (cached) {
    try {
      return readRuntime(cached);
    } catch {}
  }
  const metadata = await fetchMetadata(rpc);
  const runtime = readRuntime(metadata);
  if (cacheDir) await writeCachedMetadata(cacheDir, id, metadata);
  return runtime;
}

/** Version 15, which tells runtime APIs, where the node has it; else what every node has. */
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
