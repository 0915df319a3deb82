import { fromHex, toHex } from './bytes.ts';
import type { Block } from './ledger.ts';
import type { Node } from './node.ts';
import { RpcFailure } from './pool.ts';
import { callRuntime, neuronBytes } from './runtime-calls.ts';

// biome-ignore lint/suspicious/noExplicitAny: parameters come from the wire
type Params = any[];

/** A subscription's end of the wire: `push` sends one notification. */
export interface Subscriber {
  id: string;
  push(result: unknown): void;
}

/** Called with the parameters and a way to subscribe; what it returns is the result. */
export type Method = (
  params: Params,
  subscribe: (notification: string, start: (subscriber: Subscriber) => () => void) => string,
) => unknown;

export const UNSUBSCRIBE = new Set([
  'chain_unsubscribeNewHead',
  'chain_unsubscribeNewHeads',
  'chain_unsubscribeAllHeads',
  'chain_unsubscribeFinalizedHeads',
  'chain_unsubscribeRuntimeVersion',
  'state_unsubscribeRuntimeVersion',
  'state_unsubscribeStorage',
  'author_unwatchExtrinsic',
]);

/** A storage key from the wire, in the spelling of the ledger. */
const keyOf = (key: unknown): string => toHex(fromHex(key));

function keysOf(keys: unknown): string[] {
  if (!Array.isArray(keys)) throw new RangeError('expected a list of keys');
  return keys.map(keyOf);
}

/** The JSON-RPC methods of the node, by name. Every block is final as soon as it is made. */
export function methodsOf(node: Node): Record<string, Method> {
  const { ledger, runtime, pool } = node;

  const blockAt = (hash: unknown): Block => {
    if (hash === undefined || hash === null) return ledger.head();
    const block = typeof hash === 'string' ? ledger.byHash(hash.toLowerCase()) : undefined;
    if (!block) throw new RpcFailure(4003, `Client error: UnknownBlock: State already discarded for ${hash}`);
    return block;
  };
  const header = (block: Block) => ({
    parentHash: block.parentHash,
    number: `0x${block.number.toString(16)}`,
    stateRoot: block.stateRoot,
    extrinsicsRoot: block.extrinsicsRoot,
    digest: { logs: [] },
  });
  const hashOf = (number: unknown): unknown => {
    if (number === undefined || number === null) return ledger.head().hash;
    if (Array.isArray(number)) return number.map(hashOf);
    const wanted = typeof number === 'string' ? Number.parseInt(number, 16) : Number(number);
    return wanted === 0 ? ledger.genesisHash : (ledger.byNumber(wanted)?.hash ?? null);
  };
  const version = {
    specName: runtime.version.spec_name,
    implName: runtime.version.impl_name,
    authoringVersion: 1,
    specVersion: runtime.specVersion,
    implVersion: runtime.version.impl_version,
    apis: runtime.version.apis,
    transactionVersion: runtime.transactionVersion,
    systemVersion: 1,
    stateVersion: 1,
  };
  const heads: Method = (_, subscribe) =>
    subscribe('chain_newHead', ({ push }) => {
      push(header(ledger.head()));
      return node.onBlock((block) => push(header(block)));
    });
  const finalizedHeads: Method = (_, subscribe) =>
    subscribe('chain_finalizedHead', ({ push }) => {
      push(header(ledger.head()));
      return node.onBlock((block) => push(header(block)));
    });
  const runtimeVersions: Method = (_, subscribe) =>
    subscribe('state_runtimeVersion', ({ push }) => {
      push(version);
      return () => {};
    });
  const read = (key: string, at?: Block): string | null => ledger.get(key, at) ?? null;
  const storage: Method = ([key, at]) => read(keyOf(key), at ? blockAt(at) : undefined);
  const keysPaged: Method = ([prefix, count, start, at]) => {
    if (!(Number(count) <= 1000)) throw new RpcFailure(4002, 'count exceeds maximum value. value: 1000');
    const all = ledger.keys(keyOf(prefix), at ? blockAt(at) : undefined);
    return all.filter((key) => !start || key > keyOf(start)).slice(0, Number(count));
  };
  const queryStorage: Method = ([keys, at]) => {
    const block = blockAt(at);
    return [{ block: block.hash, changes: keysOf(keys).map((key) => [key, read(key, block)]) }];
  };
  const neurons = (method: string, numbers: unknown[], at: unknown) =>
    neuronBytes(node, method, numbers.map(Number), at ? blockAt(at) : undefined);
  const submit = (hex: unknown) => {
    const entry = pool.add(String(hex));
    if (node.faults.dropExtrinsics > 0) {
      node.faults.dropExtrinsics--;
      pool.forget(entry.hash);
    }
    if (node.options.blockTimeMs === 0 && !node.faults.stalled) setImmediate(() => node.seal());
    return entry;
  };

  return {
    rpc_methods: () => ({ methods: Object.keys(methodsOf(node)) }),
    system_chain: () => 'pt sandbox',
    system_name: () => 'pt sandbox',
    system_version: () => '1.0.0',
    system_chainType: () => 'Local',
    system_properties: () => ({ ss58Format: 42, tokenDecimals: 9, tokenSymbol: 'TAO' }),
    system_health: () => ({ peers: 0, isSyncing: false, shouldHavePeers: false }),
    system_accountNextIndex: ([address]) => pool.nextNonce(address),
    account_nextIndex: ([address]) => pool.nextNonce(address),
    chain_getHeader: ([hash]) => header(blockAt(hash)),
    chain_getBlock: ([hash]) => {
      const block = blockAt(hash);
      return { block: { header: header(block), extrinsics: block.extrinsics }, justifications: null };
    },
    chain_getBlockHash: ([number]) => hashOf(number),
    chain_getHead: () => ledger.head().hash,
    chain_getFinalizedHead: () => ledger.head().hash,
    chain_getFinalisedHead: () => ledger.head().hash,
    chain_subscribeNewHead: heads,
    chain_subscribeNewHeads: heads,
    chain_subscribeAllHeads: heads,
    chain_subscribeFinalizedHeads: finalizedHeads,
    chain_subscribeFinalisedHeads: finalizedHeads,
    chain_subscribeRuntimeVersion: runtimeVersions,
    chain_getRuntimeVersion: () => version,
    state_getRuntimeVersion: () => version,
    state_subscribeRuntimeVersion: runtimeVersions,
    state_getMetadata: () => toHex(runtime.v14),
    state_getStorage: storage,
    state_getStorageAt: storage,
    state_getStorageSize: (params, subscribe) => {
      const value = storage(params, subscribe) as string | null;
      return value === null ? null : (value.length - 2) / 2;
    },
    state_getKeysPaged: keysPaged,
    state_getKeysPagedAt: keysPaged,
    state_queryStorageAt: queryStorage,
    state_subscribeStorage: ([given], subscribe) => {
      const keys = keysOf(given);
      return subscribe('state_storage', ({ push }) => {
        const last = new Map<string, string | null>();
        const tell = (block: Block, all: boolean): void => {
          const changes = keys
            .map((key) => [key, read(key)] as const)
            .filter(([key, value]) => all || last.get(key) !== value);
          for (const [key, value] of changes) last.set(key, value);
          if (changes.length > 0) push({ block: block.hash, changes });
        };
        tell(ledger.head(), true);
        return node.onBlock((block) => tell(block, false));
      });
    },
    state_call: ([method, data, at]) => {
      const block = at ? blockAt(at) : undefined;
      return toHex(callRuntime(node, method, fromHex(data), block));
    },
    neuronInfo_getNeurons: ([netuid, at]) => neurons('get_neurons', [netuid], at),
    neuronInfo_getNeuron: ([netuid, uid, at]) => neurons('get_neuron', [netuid, uid], at),
    neuronInfo_getNeuronsLite: ([netuid, at]) => neurons('get_neurons_lite', [netuid], at),
    neuronInfo_getNeuronLite: ([netuid, uid, at]) => neurons('get_neuron_lite', [netuid, uid], at),
    payment_queryInfo: () => ({
      weight: { ref_time: 100_000_000, proof_size: 0 },
      class: 'normal',
      partialFee: '0',
    }),
    author_pendingExtrinsics: () => pool.pending().map(({ hex }) => hex),
    author_submitExtrinsic: ([hex]) => submit(hex).hash,
    author_submitAndWatchExtrinsic: ([hex], subscribe) => {
      const { watchers, hash } = submit(hex);
      return subscribe('author_extrinsicUpdate', ({ push }) => {
        watchers.add(push);
        push(pool.pending().some((entry) => entry.hash === hash) ? 'ready' : 'future');
        return () => watchers.delete(push);
      });
    },
  };
}
