import { Blake2256 } from '@polkadot-api/substrate-bindings';
import { OutsideError } from '../errors.ts';
import { fromHex, type Runtime, toHex } from './runtime.ts';
import type { Hotkey } from './types.ts';

/** Blocks that a signed extrinsic stays valid: long enough for a busy chain, short enough to wait out. */
const ERA_PERIOD = 64;

export interface SigningContext {
  runtime: Pick<Runtime, 'metadata' | 'extensions'>;
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

/** Signed extensions that polkadot.js is given values for. The others must be empty. */
const KNOWN = new Set([
  'CheckMortality',
  'CheckEra',
  'CheckNonce',
  'CheckSpecVersion',
  'CheckTxVersion',
  'CheckGenesis',
  'ChargeTransactionPayment',
  'CheckMetadataHash',
]);

/** Loads what signs. To be awaited before the block is read that the era begins at: on a slow machine the era of a fast chain would be over. */
export async function prepareSigning(): Promise<void> {
  await import('./polkadot.ts');
}

/** Signs the commitment of `text`. Deterministic but for the signature's own randomness. */
export async function signCommitment(
  netuid: number,
  text: string,
  hotkey: Hotkey,
  context: SigningContext,
): Promise<SignedCall> {
  const unknown = context.runtime.extensions.find(({ name, empty }) => !empty && !KNOWN.has(name));
  if (unknown)
    throw new OutsideError(
      'chain.unsupported',
      `The chain's runtime ${context.specVersion} wants the unknown signed extension ${unknown.name}.`,
      { nextSteps: ['npm install -g pretrain-miner@latest', 'pt doctor'] },
    );
  const { signWithPolkadot } = await import('./polkadot.ts');
  const signed = await signWithPolkadot(netuid, text, hotkey, context, ERA_PERIOD);
  return { ...signed, nonce: context.nonce, death: context.birth.number + ERA_PERIOD };
}

/** The hash by which nodes know an extrinsic. */
export function hashOfExtrinsic(hex: string): string {
  return toHex(Blake2256(fromHex(hex)));
}
