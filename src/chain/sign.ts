import { Blake2256 } from '@polkadot-api/substrate-bindings';
import { OutsideError, PtError } from '../errors.ts';
import { checkMeant, ERA_PERIOD, type Meant } from './meant.ts';
import { textOf, wordsOf } from './rpc.ts';
import { fromHex, type Runtime, toHex } from './runtime.ts';
import type { Hotkey, Seal } from './types.ts';

export interface SigningContext
  extends Pick<Meant, 'specVersion' | 'transactionVersion' | 'genesisHash' | 'birth' | 'nonce'> {
  runtime: Pick<Runtime, 'metadata' | 'extensions' | 'call'>;
  /** Whether to sign the metadata's digest where the runtime checks one; false when it said that it was built without. Default true. */
  withDigest?: boolean;
}

export interface SignedCall {
  /** `0x…`, ready for `author_submitExtrinsic`. */
  hex: string;
  hash: string;
  nonce: number;
  /** The first block that it can no longer be in. */
  death: number;
  /** Whether the runtime is made to check the metadata that this was built by. */
  withDigest: boolean;
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

/**
 * Signs the commitment of a text or a seal, after comparing what would be signed with what is meant (`meant.ts`). Deterministic but for the signature's
 * own randomness. Throws `OutsideError` when the metadata leads anywhere else, with nothing signed.
 */
export async function signCommitment(
  netuid: number,
  body: string | Seal,
  hotkey: Hotkey,
  context: SigningContext,
): Promise<SignedCall> {
  const { runtime, specVersion, withDigest = true } = context;
  const unknown = runtime.extensions.find(({ name, empty }) => !empty && !KNOWN.has(name));
  if (unknown)
    throw new OutsideError(
      'chain.unsupported',
      `The chain's runtime ${specVersion} wants the unknown signed extension ${textOf(unknown.name, 80)}.`,
      { nextSteps: ['npm install -g pretrain-miner@latest', 'pt doctor'] },
    );
  const checksMetadata = runtime.extensions.some(({ name, empty }) => name === 'CheckMetadataHash' && !empty);
  const { buildWithPolkadot, metadataDigest } = await import('./polkadot.ts');
  try {
    const digest = checksMetadata && withDigest ? metadataDigest(runtime.metadata) : null;
    const built = await buildWithPolkadot(netuid, body, hotkey.ss58, context, { period: ERA_PERIOD, digest });
    checkMeant(built.call, built.payload, { ...context, netuid, body, checksMetadata, digest }, runtime);
    const message = built.payload.length > 256 ? Blake2256(built.payload) : built.payload;
    const kind = hotkey.cryptoType === 'ed25519' ? 0 : 1;
    const hex = built.finish(Uint8Array.of(kind, ...hotkey.sign(message)));
    return {
      hex,
      hash: hashOfExtrinsic(hex),
      nonce: context.nonce,
      death: context.birth.number + ERA_PERIOD,
      withDigest: digest !== null,
    };
  } catch (cause) {
    if (cause instanceof PtError) throw cause;
    throw new OutsideError(
      'chain.unsupported',
      `No commitment can be made by the metadata of the chain's runtime ${specVersion}: ${wordsOf(cause)}.`,
      {
        cause,
        nextSteps: [
          'Try another endpoint: --network ws://HOST:PORT',
          'npm install -g pretrain-miner@latest',
          'pt doctor',
        ],
      },
    );
  }
}

/** The hash by which nodes know an extrinsic. */
export function hashOfExtrinsic(hex: string): string {
  return toHex(Blake2256(fromHex(hex)));
}
