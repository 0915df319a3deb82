import { compact } from '@polkadot-api/substrate-bindings';
import { OutsideError } from '../errors.ts';
import { fieldsOf, isField } from './commitments.ts';
import type { Runtime } from './runtime.ts';
import type { Seal } from './types.ts';

/*
 * What the hotkey may sign, written down byte by byte, without the metadata: a node serves it, and whoever writes the dictionary decides
 * what a sentence says. The call comes first in what is signed and no part of it has a length that a reader could choose, so these bytes
 * are this call and no other wherever the indices are the recorded ones, whatever the node says about the rest.
 */

/** Indices of `Commitments.set_commitment` in every subtensor runtime that was recorded (spec 218 to 446). */
const RECORDED = { pallet: 18, call: 0, raw: 1, seal: 134, bigRaw: 136 };
/** Bytes that a `RawN` holds at most; longer texts stand in `BigRaw`. */
const LONGEST_RAW = 128;

/** Blocks that a signed extrinsic stays valid: long enough for a busy chain, short enough to wait out. */
export const ERA_PERIOD = 64;

export interface Meant {
  netuid: number;
  body: string | Seal;
  /** Block the era begins at; it must be final. */
  birth: { number: number; hash: string };
  nonce: number;
  specVersion: number;
  transactionVersion: number;
  genesisHash: string;
  /** Whether the runtime has the extension `CheckMetadataHash`. */
  checksMetadata: boolean;
  /** Digest of the metadata that the call was built by, where it is signed along: the runtime then refuses the call if its own differs. */
  digest: Uint8Array | null;
}

/**
 * Throws unless `call` has the form of `set_commitment(netuid, [Raw(text)])`, or of one seal in the place of the text, is read as that by the types of the metadata too, and `payload` is
 * this call under this nonce, era and chain, with no tip and nothing else. Indices other than the recorded ones are taken only when the
 * runtime itself checks the metadata: its digest is over just these types, not over the list of pallets that encoders go by.
 */
export function checkMeant(
  call: Uint8Array,
  payload: Uint8Array,
  meant: Meant,
  runtime: Pick<Runtime, 'call'>,
): void {
  const field = bytesOfField(meant.body);
  const [pallet, index] = call;
  const variant = call[5];
  const form = Buffer.from([pallet!, index!, ...littleEndian(meant.netuid, 2), 4, variant!, ...field]);
  if (!form.equals(call)) throw otherwise('the call has another form than a commitment');
  const recorded = pallet === RECORDED.pallet && index === RECORDED.call && variant === variantOf(meant.body);
  if (!recorded && !meant.digest)
    throw otherwise(
      'the call has other numbers than in any known runtime, and this runtime cannot prove them',
    );
  if (!isRead(runtime, call, meant))
    throw otherwise('the call is read as something else than it was built as');
  if (!Buffer.from(payloadOf(call, meant)).equals(payload))
    throw otherwise('what would be signed is more or less than the commitment');
}

/** Whether the call's own bytes are the commitment by the types of the metadata. */
function isRead(runtime: Pick<Runtime, 'call'>, call: Uint8Array, { netuid, body }: Meant): boolean {
  const { type, value } = runtime.call(call);
  const args = value?.value;
  return (
    type === 'Commitments' &&
    value?.type === 'set_commitment' &&
    Object.keys(args ?? {}).join() === 'netuid,info' &&
    args.netuid === netuid &&
    isOnly(fieldsOf(args.info), body)
  );
}

function variantOf(body: string | Seal): number {
  if (typeof body !== 'string') return RECORDED.seal;
  const length = Buffer.byteLength(body);
  return length > LONGEST_RAW ? RECORDED.bigRaw : RECORDED.raw + length;
}

/** What stands behind the field's number. */
function bytesOfField(body: string | Seal): Uint8Array {
  if (typeof body === 'string') {
    const text = Buffer.from(body, 'utf8');
    return text.length > LONGEST_RAW ? Buffer.concat([compact.enc(text.length), text]) : text;
  }
  const { encrypted, round } = body;
  return Buffer.concat([compact.enc(encrypted.length), encrypted, littleEndian(round, 8)]);
}

const isOnly = (fields: ReturnType<typeof fieldsOf>, body: string | Seal): boolean =>
  fields.length === 1 && isField(fields[0]!, body);

/** What is signed for a call: the call, what the extrinsic carries, what is only signed. */
function payloadOf(call: Uint8Array, meant: Meant): Uint8Array {
  const { birth, nonce, specVersion, transactionVersion, genesisHash, checksMetadata, digest } = meant;
  const phase = birth.number % ERA_PERIOD;
  const era = (Math.log2(ERA_PERIOD) - 1) | (phase << 4);
  const tip = 0;
  return Buffer.concat([
    call,
    littleEndian(era, 2),
    compact.enc(nonce),
    compact.enc(tip),
    checksMetadata ? Uint8Array.of(digest ? 1 : 0) : new Uint8Array(),
    littleEndian(specVersion, 4),
    littleEndian(transactionVersion, 4),
    Buffer.from(genesisHash.slice(2), 'hex'),
    Buffer.from(birth.hash.slice(2), 'hex'),
    checksMetadata ? (digest ? Uint8Array.of(1, ...digest) : Uint8Array.of(0)) : new Uint8Array(),
  ]);
}

const littleEndian = (value: number, bytes: number): Uint8Array =>
  Uint8Array.from({ length: bytes }, (_, i) => Math.floor(value / 256 ** i) % 256);

const otherwise = (how: string): OutsideError =>
  new OutsideError(
    'chain.not_meant',
    `Nothing was signed: by the metadata that this node serves, ${how}. The node lies, or the runtime is newer than this pt.`,
    {
      nextSteps: [
        'Try another endpoint: --network ws://HOST:PORT',
        'npm install -g pretrain-miner@latest',
        'pt doctor',
      ],
    },
  );
