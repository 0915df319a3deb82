import { type MetadataId, readCachedMetadata, writeCachedMetadata } from './metadata-cache.ts';
import { ConnectionLost, type Rpc, RpcError, textOf } from './rpc.ts';
import { fromHex, type Runtime, readRuntime } from './runtime.ts';

/** What is known of the chain behind an open connection. */
export interface Session extends MetadataId {
  rpc: Rpc;
  runtime: Runtime;
  /** Where the runtime's metadata came from: this node in this process, or a file. */
  source: 'node' | 'cache';
  transactionVersion: number;
  chainName: string;
  cacheDir: string | undefined;
}

/** Learns what chain and runtime this is, and gets its metadata: from `known`, from the cache, or from the node. */
export async function greet(rpc: Rpc, cacheDir: string | undefined, known: Session | null): Promise<Session> {
  const [genesis, version, name] = await rpc.batch([
    ['chain_getBlockHash', 0],
    ['state_getRuntimeVersion'],
    ['system_chain'],
  ]);
  if (!isHash(genesis)) throw new ConnectionLost('it does not answer like a Substrate node');
  const id = { genesisHash: genesis, ...versionsOf(version), endpoint: rpc.endpoint };
  const { runtime, source } = known && isSame(known, id) ? known : await loadRuntime(rpc, cacheDir, id);
  return { rpc, ...id, runtime, source, chainName: textOf(name, 80), cacheDir };
}

/** Whether a node's answer is a block hash. */
export const isHash = (value: unknown): value is string =>
  typeof value === 'string' && /^0x[0-9a-f]{64}$/i.test(value);

/**
 * Makes sure that the runtime is by the metadata that this node serves now, which is what is signed by: never by a file. A cached file that
 * says something else is replaced.
 */
export async function refreshRuntime(session: Session): Promise<void> {
  if (session.source === 'node') return;
  const metadata = await fetchMetadata(session.rpc);
  if (!Buffer.from(metadata).equals(session.runtime.metadata)) {
    session.runtime = readRuntime(metadata);
    if (session.cacheDir) await writeCachedMetadata(session.cacheDir, session, metadata);
  }
  session.source = 'node';
}

const isSame = (a: MetadataId, b: MetadataId): boolean =>
  a.genesisHash === b.genesisHash &&
  a.specVersion === b.specVersion &&
  a.implVersion === b.implVersion &&
  a.endpoint === b.endpoint;

/** The numbers of a runtime version as the node gives them. */
export function versionsOf(
  version: unknown,
): Pick<Session, 'specVersion' | 'implVersion' | 'transactionVersion'> {
  const { specVersion, implVersion = 0, transactionVersion } = (version ?? {}) as Record<string, unknown>;
  if (!isU32(specVersion) || !isU32(implVersion) || !isU32(transactionVersion))
    throw new ConnectionLost('it does not tell its runtime version');
  return { specVersion, implVersion, transactionVersion };
}

const isU32 = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 0xffffffff;

/** Metadata from the cache, else from the node, read into codecs. A cached file that cannot be read is fetched anew. */
async function loadRuntime(
  rpc: Rpc,
  cacheDir: string | undefined,
  id: MetadataId,
): Promise<Pick<Session, 'runtime' | 'source'>> {
  const cached = cacheDir ? await readCachedMetadata(cacheDir, id) : null;
  if (cached) {
    try {
      return { runtime: readRuntime(cached), source: 'cache' };
    } catch {}
  }
  const metadata = await fetchMetadata(rpc);
  const runtime = readRuntime(metadata);
  if (cacheDir) await writeCachedMetadata(cacheDir, id, metadata);
  return { runtime, source: 'node' };
}

/** Version 15, which tells runtime APIs and whose digest can be signed, where the node has it; else what every node has. */
async function fetchMetadata(rpc: Rpc): Promise<Uint8Array> {
  try {
    const [answer] = await rpc.batch([['state_call', 'Metadata_metadata_at_version', '0x0f000000']]);
    const bytes = fromHex(answer);
    if (bytes[0] === 1) return withoutLength(bytes.subarray(1));
  } catch (error) {
    // A busy node is no old node.
    if (!(error instanceof RpcError) || error.transient) throw error;
  }
  const [answer] = await rpc.batch([['state_getMetadata']]);
  return fromHex(answer);
}

/** Takes the compact length away from an opaque byte string. */
function withoutLength(bytes: Uint8Array): Uint8Array {
  const mode = (bytes[0] ?? 0) & 3;
  return bytes.subarray([1, 2, 4, 5][mode]);
}
