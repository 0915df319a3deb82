// @polkadot/api, kept to what is written. Only `sign.ts` may load this file, and only when something is signed: importing it takes more
// CPU than a whole read does. The build makes one file of it and its packages, so of ours it imports types only.
import { ApiPromise } from '@polkadot/api';
import type { ApiOptions } from '@polkadot/api/types';
import type { SigningContext } from './sign.ts';
import type { Hotkey } from './types.ts';

type Hex = `0x${string}`;
const toHex = (bytes: Uint8Array): Hex => `0x${Buffer.from(bytes).toString('hex')}`;

/** One API for each runtime, by the metadata it was made of: making one takes longer than signing with it. */
const apis = new WeakMap<Uint8Array, Promise<ApiPromise>>();

/** `commitments.set_commitment` with `text` as its one raw field, signed as an extrinsic of version 4. */
export async function signWithPolkadot(
  netuid: number,
  text: string,
  hotkey: Hotkey,
  context: SigningContext,
  eraPeriod: number,
): Promise<{ hex: string; hash: string }> {
  const { metadata } = context.runtime;
  const api = await (apis.get(metadata) ?? keep(metadata, openApi(context)));
  const bytes = Buffer.from(text, 'utf8');
  const call = api.tx.commitments!.setCommitment!(netuid, {
    fields: [{ [`Raw${bytes.length}`]: toHex(bytes) }],
  });
  const extrinsic = api.registry.createType('Extrinsic', { method: call.method }, { version: 4 });
  const era = api.registry.createType('ExtrinsicEra', { current: context.birth.number, period: eraPeriod });
  const values = {
    address: hotkey.ss58,
    blockHash: context.birth.hash as Hex,
    blockNumber: api.registry.createType('BlockNumber', context.birth.number).toHex(),
    era: era.toHex(),
    genesisHash: context.genesisHash as Hex,
    method: call.method.toHex(),
    mode: 0,
    nonce: api.registry.createType('Compact<Index>', context.nonce).toHex(),
    signedExtensions: api.registry.signedExtensions,
    specVersion: api.registry.createType('u32', context.specVersion).toHex(),
    tip: api.registry.createType('Compact<Balance>', 0).toHex(),
    transactionVersion: api.registry.createType('u32', context.transactionVersion).toHex(),
    version: 4,
  };
  const payload = api.registry.createType('ExtrinsicPayload', values, { version: 4 }).toU8a({ method: true });
  const signature = hotkey.sign(payload.length > 256 ? api.registry.hash(payload) : payload);
  const kind = hotkey.cryptoType === 'ed25519' ? 0 : 1;
  extrinsic.addSignature(hotkey.ss58, Uint8Array.of(kind, ...signature), values);
  return { hex: extrinsic.toHex(), hash: extrinsic.hash.toHex() };
}

function keep(metadata: Uint8Array, opening: Promise<ApiPromise>): Promise<ApiPromise> {
  apis.set(metadata, opening);
  opening.catch(() => apis.delete(metadata));
  return opening;
}

/** An API that asks no node: `connection.ts` owns the socket, and what the API needs to know is known already. */
async function openApi(context: SigningContext): Promise<ApiPromise> {
  const { genesisHash, specVersion, transactionVersion, runtime } = context;
  const answers: Record<string, unknown> = {
    chain_getBlockHash: genesisHash,
    state_getRuntimeVersion: {
      specName: 'node',
      implName: 'node',
      authoringVersion: 1,
      specVersion,
      implVersion: 1,
      apis: [],
      transactionVersion,
    },
    system_chain: 'chain',
    system_properties: { ss58Format: 42 },
    rpc_methods: { methods: [] },
    state_getMetadata: toHex(runtime.metadata),
  };
  const provider = {
    hasSubscriptions: false,
    isClonable: false,
    isConnected: true,
    clone: () => provider,
    connect: async () => {},
    disconnect: async () => {},
    on: (event: string, then: () => void) => {
      if (event === 'connected') queueMicrotask(then);
      return () => {};
    },
    send: async (method: string) => {
      if (!Object.hasOwn(answers, method)) throw new Error(`${method} is not asked here`);
      return answers[method];
    },
    subscribe: async () => 0,
    unsubscribe: async () => true,
  };
  const api = await ApiPromise.create({
    provider: provider as unknown as NonNullable<ApiOptions['provider']>,
    metadata: { [`${genesisHash}-${specVersion}`]: toHex(runtime.metadata) },
    // Extensions that write and sign nothing, whatever they are; polkadot.js would warn on the console of those it does not know.
    signedExtensions: Object.fromEntries(
      runtime.extensions
        .filter(({ empty }) => empty)
        .map(({ name }) => [name, { extrinsic: {}, payload: {} }]),
    ),
    noInitWarn: true,
    throwOnConnect: true,
  });
  await api.disconnect();
  return api;
}
