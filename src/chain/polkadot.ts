// @polkadot/api, kept to what is written. Only `sign.ts` may load this file, and only when something is signed: importing it takes more
// CPU than a whole read does. The build makes one file of it and its packages, so of ours it imports types only.
import { ApiPromise } from '@polkadot/api';
import type { ApiOptions } from '@polkadot/api/types';
import { merkleizeMetadata } from '@polkadot-api/merkleize-metadata';
import type { SigningContext } from './sign.ts';
import type { Seal } from './types.ts';

type Hex = `0x${string}`;
const toHex = (bytes: Uint8Array): Hex => `0x${Buffer.from(bytes).toString('hex')}`;

/** One API for each runtime, by the metadata it was made of: making one takes longer than signing with it. */
const apis = new WeakMap<Uint8Array, Promise<ApiPromise>>();

/** A text of more bytes goes into the field of any length. */
const LONGEST_RAW = 128;

/** An extrinsic that only lacks its signature. */
export interface Unsigned {
  /** SCALE of the call. */
  call: Uint8Array;
  /** What is to be signed, before the hashing of long ones. */
  payload: Uint8Array;
  /** The whole extrinsic as `0x…`; takes the signature with the number of its scheme in front. */
  finish(signature: Uint8Array): string;
}

/** `commitments.set_commitment` with one field, a text or a seal, as an extrinsic of version 4 that is still to be signed. */
export async function buildWithPolkadot(
  netuid: number,
  body: string | Seal,
  ss58: string,
  context: SigningContext,
  { period, digest }: { period: number; digest: Uint8Array | null },
): Promise<Unsigned> {
  return quietly(() => build(netuid, body, ss58, context, { period, digest }));
}

/** Polkadot.js complains on the console, in the words of the metadata: a stranger's text has no business on a terminal. */
async function quietly<T>(work: () => Promise<T>): Promise<T> {
  const nothing = (): void => {};
  if (quiet++ === 0) {
    kept = { log: console.log, warn: console.warn, error: console.error };
    Object.assign(console, { log: nothing, warn: nothing, error: nothing });
  }
  try {
    return await work();
  } finally {
    // Two may be at work at once: the last one gives the console back.
    if (--quiet === 0) Object.assign(console, kept);
  }
}

let quiet = 0;
let kept: Partial<Console> = {};

async function build(
  netuid: number,
  body: string | Seal,
  ss58: string,
  context: SigningContext,
  { period, digest }: { period: number; digest: Uint8Array | null },
): Promise<Unsigned> {
  const { metadata } = context.runtime;
  const api = await (apis.get(metadata) ?? keep(metadata, openApi(context)));
  const make = api.tx.commitments?.setCommitment;
  if (!make) throw new Error('it has no call Commitments.set_commitment');
  const call = make(netuid, { fields: [fieldOf(body)] });
  const extrinsic = api.registry.createType('Extrinsic', { method: call.method }, { version: 4 });
  const era = api.registry.createType('ExtrinsicEra', { current: context.birth.number, period });
  const values = {
    address: ss58,
    blockHash: context.birth.hash as Hex,
    blockNumber: api.registry.createType('BlockNumber', context.birth.number).toHex(),
    era: era.toHex(),
    genesisHash: context.genesisHash as Hex,
    metadataHash: digest ? toHex(digest) : null,
    method: call.method.toHex(),
    mode: digest ? 1 : 0,
    nonce: api.registry.createType('Compact<Index>', context.nonce).toHex(),
    signedExtensions: api.registry.signedExtensions,
    specVersion: api.registry.createType('u32', context.specVersion).toHex(),
    tip: api.registry.createType('Compact<Balance>', 0).toHex(),
    transactionVersion: api.registry.createType('u32', context.transactionVersion).toHex(),
    version: 4,
  };
  const payload = api.registry.createType('ExtrinsicPayload', values as never, { version: 4 });
  return {
    call: call.method.toU8a(),
    payload: payload.toU8a({ method: true }),
    finish: (signature) => extrinsic.addSignature(ss58, signature, values as never).toHex(),
  };
}

function fieldOf(body: string | Seal): Record<string, unknown> {
  if (typeof body !== 'string')
    return { TimelockEncrypted: { encrypted: toHex(body.encrypted), revealRound: body.round } };
  const bytes = Buffer.from(body, 'utf8');
  return { [bytes.length > LONGEST_RAW ? 'BigRaw' : `Raw${bytes.length}`]: toHex(bytes) };
}

/**
 * The digest of metadata (RFC-78), which a runtime compares with its own; null when the metadata is too old to have one. Symbol and decimals
 * are those that every runtime of Bittensor is built with, test networks too, whatever the node's properties say.
 */
export function metadataDigest(metadata: Uint8Array): Uint8Array | null {
  // Byte 4, after the magic, is the version.
  if ((metadata[4] ?? 0) < 15) return null;
  // Copied: its decoder reads a view's buffer from the very first byte.
  return merkleizeMetadata(Uint8Array.from(metadata), { decimals: 9, tokenSymbol: 'TAO' }).digest();
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
