import { createPublicKey, verify as verifyNode } from 'node:crypto';
import { compact } from '@polkadot-api/substrate-bindings';
import { verify as verifySr25519 } from '@scure/sr25519';
import { hash256 } from './bytes.ts';
import { fitsField } from './dispatch.ts';
import type { Runtime } from './metadata.ts';

/** A signed extrinsic (version 4) taken apart, not yet verified. */
export interface SignedExtrinsic {
  signer: Uint8Array;
  scheme: 'ed25519' | 'sr25519';
  signature: Uint8Array;
  /** Null: immortal. */
  era: { period: number; phase: number } | null;
  nonce: number;
  tip: bigint;
  /** `{type: pallet, value: {type: call, value: args}}` */
  // biome-ignore lint/suspicious/noExplicitAny: decoded by metadata
  call: any;
  /** Mode of `CheckMetadataHash`: whether the digest of the metadata is part of what was signed; null: the runtime has no such extension. */
  withDigest: boolean | null;
  /** The parts that are signed as they stand. */
  callBytes: Uint8Array;
  extraBytes: Uint8Array;
}

/** Takes an extrinsic apart; throws `RangeError` when it is not a well-formed signed extrinsic of this runtime. */
export function decodeExtrinsic(bytes: Uint8Array, runtime: Runtime): SignedExtrinsic {
  const length = Number(compact.dec(bytes));
  const start = compact.enc(length).length;
  if (bytes.length !== start + length) throw new RangeError('the length prefix does not match');
  let at = start;
  const take = (count: number): Uint8Array => {
    if (at + count > bytes.length) throw new RangeError('the extrinsic ends early');
    at += count;
    return bytes.slice(at - count, at);
  };
  const takeCompact = (): bigint => {
    const value = BigInt(compact.dec(bytes.slice(at)));
    at += compact.enc(value).length;
    return value;
  };
  if (take(1)[0] !== 0x84) throw new RangeError('only signed extrinsics of version 4 are taken');
  if (take(1)[0] !== 0) throw new RangeError('the sender must be an account id');
  const signer = take(32);
  const scheme = (['ed25519', 'sr25519'] as const)[take(1)[0]!];
  if (!scheme) throw new RangeError('only sr25519 and ed25519 signatures are taken');
  const signature = take(64);
  const extraStart = at;
  const first = take(1)[0]!;
  const era = first === 0 ? null : decodeEra(first | (take(1)[0]! << 8));
  const nonce = Number(takeCompact());
  const tip = takeCompact();
  const mode = runtime.shape === 'opaque' ? null : take(1)[0]!;
  if (mode !== null && mode > 1) throw new RangeError('there is no such mode of CheckMetadataHash');
  const callStart = at;
  const callBytes = bytes.slice(callStart);
  const codec = runtime.codec('RuntimeCall');
  const call = codec.dec(callBytes);
  const fields = call.type === 'Commitments' ? call.value.value.info : [];
  if (Array.isArray(fields) && !fields.every(fitsField)) throw new RangeError('a field holds too many bytes');
  if (codec.enc(call).length !== callBytes.length) throw new RangeError('bytes are left after the call');
  return {
    signer,
    scheme,
    signature,
    era,
    nonce,
    tip,
    call,
    withDigest: mode === null ? null : mode === 1,
    callBytes,
    extraBytes: bytes.slice(extraStart, callStart),
  };
}

function decodeEra(encoded: number): { period: number; phase: number } {
  const period = 2 << (encoded % 16);
  const phase = (encoded >> 4) * Math.max(period >> 12, 1);
  if (period < 4 || phase >= period) throw new RangeError('the era is not valid');
  return { period, phase };
}

/** First block of the era that holds at block `current`. */
export const eraBirth = ({ period, phase }: { period: number; phase: number }, current: number): number =>
  Math.floor((Math.max(current, phase) - phase) / period) * period + phase;

/** Whether the signature covers this call for this chain, runtime and era. */
export function verifyExtrinsic(
  extrinsic: SignedExtrinsic,
  chain: {
    specVersion: number;
    transactionVersion: number;
    genesisHash: Uint8Array;
    eraHash: Uint8Array;
    /** What the runtime puts in where the extrinsic was signed with the digest of its metadata. */
    digest: Uint8Array | null;
  },
): boolean {
  const versions = Buffer.alloc(8);
  versions.writeUInt32LE(chain.specVersion, 0);
  versions.writeUInt32LE(chain.transactionVersion, 4);
  const payload = Buffer.concat([
    extrinsic.callBytes,
    extrinsic.extraBytes,
    versions,
    chain.genesisHash,
    chain.eraHash,
    ...(extrinsic.withDigest === null
      ? []
      : [extrinsic.withDigest && chain.digest ? Buffer.from([1, ...chain.digest]) : Buffer.from([0])]),
  ]);
  return verifySignature(
    extrinsic.scheme,
    payload.length > 256 ? hash256(payload) : payload,
    extrinsic.signature,
    extrinsic.signer,
  );
}

const ED25519_SPKI = Buffer.from('302a300506032b6570032100', 'hex');

/** Verifies a signature of either scheme; false on anything malformed. */
export function verifySignature(
  scheme: 'ed25519' | 'sr25519',
  message: Uint8Array,
  signature: Uint8Array,
  publicKey: Uint8Array,
): boolean {
  try {
    if (scheme === 'sr25519') return verifySr25519(message, signature, publicKey);
    const key = createPublicKey({
      key: Buffer.concat([ED25519_SPKI, publicKey]),
      format: 'der',
      type: 'spki',
    });
    return verifyNode(null, message, key, signature);
  } catch {
    return false;
  }
}
