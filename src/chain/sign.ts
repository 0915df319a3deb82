import { Blake2256, compact } from '@polkadot-api/substrate-bindings';
import { OutsideError } from '../errors.ts';
import { fromHex, type Runtime, toHex } from './runtime.ts';
import type { Hotkey } from './types.ts';

/** Blocks that a signed extrinsic stays valid: long enough for a busy chain, short enough to wait out. */
export const ERA_PERIOD = 64;

export interface SigningContext {
  runtime: Runtime;
  specVersion: number;
  transactionVersion: number;
  genesisHash: string;
  /** Block the era begins at; it must be final. */
  birth: { number: number; hash: string };
  nonce: number;
}

export interface SignedCall {
  /** `0x…`, ready for `author_submitExtrinsic`. */
  hex: string;
  hash: string;
  nonce: number;
  /** The first block that it can no longer be in. */
  death: number;
}

/** Signs a call as an extrinsic of version 4. Deterministic but for the signature's own randomness. */
export function signCall(call: Uint8Array, hotkey: Hotkey, context: SigningContext): SignedCall {
  const era = mortalEra(context.birth.number);
  // What each known extension writes into the extrinsic, and what it only signs. The others must be empty.
  const values: Record<string, { extra?: unknown; signed?: unknown; raw?: Uint8Array }> = {
    CheckMortality: { raw: era, signed: context.birth.hash },
    CheckEra: { raw: era, signed: context.birth.hash },
    CheckNonce: { extra: context.nonce },
    CheckSpecVersion: { signed: context.specVersion },
    CheckTxVersion: { signed: context.transactionVersion },
    CheckGenesis: { signed: context.genesisHash },
    ChargeTransactionPayment: { extra: 0n },
    CheckMetadataHash: { extra: { type: 'Disabled', value: undefined }, signed: undefined },
  };
  const extra: Uint8Array[] = [];
  const signed: Uint8Array[] = [];
  for (const extension of context.runtime.extensions) {
    const value = values[extension.name];
    if (!value && !extension.empty)
      throw new OutsideError(
        'chain.unsupported',
        `The chain's runtime ${context.specVersion} wants the unknown signed extension ${extension.name}.`,
        { nextSteps: ['npm install -g pretrain-miner@latest', 'pt doctor'] },
      );
    extra.push(value?.raw ?? extension.encodeExtra(value?.extra));
    signed.push(extension.encodeSigned(value?.signed));
  }
  const payload = Buffer.concat([call, ...extra, ...signed]);
  const signature = hotkey.sign(payload.length > 256 ? Blake2256(payload) : payload);
  const body = Buffer.concat([
    Uint8Array.of(0x84, 0x00),
    hotkey.publicKey,
    Uint8Array.of(hotkey.cryptoType === 'ed25519' ? 0 : 1),
    signature,
    ...extra,
    call,
  ]);
  const bytes = Buffer.concat([compact.enc(body.length), body]);
  return {
    hex: toHex(bytes),
    hash: hashOfExtrinsic(bytes),
    nonce: context.nonce,
    death: context.birth.number + ERA_PERIOD,
  };
}

/** Two bytes: the period's logarithm in the low four bits, the phase above. */
function mortalEra(birth: number): Uint8Array {
  const encoded = (Math.log2(ERA_PERIOD) - 1) | ((birth % ERA_PERIOD) << 4);
  return Uint8Array.of(encoded & 0xff, encoded >> 8);
}

/** The hash by which nodes know an extrinsic. */
export function hashOfExtrinsic(bytes: Uint8Array | string): string {
  return toHex(Blake2256(typeof bytes === 'string' ? fromHex(bytes) : bytes));
}
