/**
 * Seals as the chain takes them: their bytes, their size, and the round of the beacon that opens them. Only the inner ciphertext of SCALE length
 * and text is right: any other framing is lost without a sign (docs/profiles.md, "Seals").
 */
import { Buffer } from 'node:buffer';

/** The beacon that seals wait for; round r appears at `genesis + period × (r − 1)`, in seconds. */
export interface Beacon {
  /** Hex; seals are made to it. */
  public_key: string;
  genesis: number;
  period: number;
}

/** The most that the chain's field holds. */
export const MAX_SEAL_BYTES = 1024;
/** What a commitment costs at least of the space that an epoch allows. */
const MIN_SPACE = 100;
/** Of the ciphertext beside the plaintext. */
const OVERHEAD = 244;

/** SCALE's compact length. */
export function compactLength(length: number): Uint8Array {
  if (length < 64) return Uint8Array.of(length << 2);
  if (length < 16_384) return Uint8Array.of(((length << 2) | 1) & 255, length >> 6);
  const four = Buffer.alloc(4);
  four.writeUInt32LE(length * 4 + 2);
  return new Uint8Array(four);
}

/** What is sealed of a text: its length in bytes, then the text. */
export function sealedPlaintext(text: string): Uint8Array {
  const bytes = Buffer.from(text, 'utf8');
  return new Uint8Array(Buffer.concat([compactLength(bytes.length), bytes]));
}

/** Bytes of the field, and what it costs, for a text of so many bytes. */
export function sealSize(textBytes: number): { sent: number; envelope: number; fits: boolean; cost: number } {
  const sent = compactLength(textBytes).length + textBytes + OVERHEAD;
  return {
    sent,
    envelope: compactLength(sent).length + sent + 8,
    fits: sent <= MAX_SEAL_BYTES,
    cost: Math.max(MIN_SPACE, sent),
  };
}

export type SealShape = { framing: 'inner' | 'envelope'; body: number } | { framing: 'bad' };

const SUITE = Buffer.from('AES_GCM_');
const POINT = 96;

/** What the bytes of a seal are: a G2 point, then v, w, the body and the suite's name, each behind its length. */
export function sealShape(bytes: Uint8Array): SealShape {
  const inner = innerOf(bytes);
  if (inner?.length === bytes.length) return { framing: 'inner', body: inner.body };
  const wrapped = unwrapped(bytes);
  const inside = wrapped && innerOf(wrapped);
  return inside && inside.length === wrapped.length
    ? { framing: 'envelope', body: inside.body }
    : { framing: 'bad' };
}

/**
 * The inner ciphertext that a runtime opens of a seal's bytes; null where it cannot be read as one. Old runtimes take the inner one, whatever
 * stands behind it; new ones that, or an envelope around it, and nothing behind.
 */
export function openable(bytes: Uint8Array, rules: 'old' | 'new'): Uint8Array | null {
  const inner = innerOf(bytes);
  if (inner !== null && (rules === 'old' || inner.length === bytes.length))
    return bytes.subarray(0, inner.length);
  const wrapped = rules === 'new' ? unwrapped(bytes) : null;
  return wrapped !== null && innerOf(wrapped)?.length === wrapped.length ? wrapped : null;
}

/** What an envelope holds: its length, the inner ciphertext, a round of eight bytes. */
function unwrapped(bytes: Uint8Array): Uint8Array | null {
  const mode = bytes.length === 0 ? 3 : bytes[0]! & 3;
  const at = mode === 0 ? 1 : mode === 1 ? 2 : mode === 2 ? 4 : null;
  if (at === null || bytes.length < at + 8) return null;
  const length = mode === 0 ? bytes[0]! >> 2 : mode === 1 ? (bytes[0]! >> 2) | (bytes[1]! << 6) : null;
  if (length === null || bytes.length !== at + length + 8) return null;
  return bytes.subarray(at, at + length);
}

/** Length of the inner ciphertext that the bytes begin with, and of its body; null when its lengths do not add up. */
function innerOf(bytes: Uint8Array): { length: number; body: number } | null {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = POINT;
  const take = (): Buffer | null => {
    if (at + 8 > view.length) return null;
    const length = Number(view.readBigUInt64LE(at));
    if (length > view.length - at - 8) return null;
    at += 8 + length;
    return view.subarray(at - length, at);
  };
  const [v, w, body, suite] = [take(), take(), take(), take()];
  if (v?.length !== 32 || w?.length !== 32 || body === null || !suite?.equals(SUITE)) return null;
  return { length: at, body: body.length };
}

/** The round at or after a moment (Unix seconds). */
export function roundAt({ genesis, period }: Beacon, unix: number): number {
  return Math.ceil((unix - genesis) / period) + 1;
}

/** When a round appears, Unix seconds. */
export function momentOf({ genesis, period }: Beacon, round: number): number {
  return genesis + period * (round - 1);
}

/** The newest round that is out at a moment (Unix seconds). */
export function newestRound({ genesis, period }: Beacon, unix: number): number {
  return Math.floor((unix - genesis) / period) + 1;
}

/** The round that a reveal so many blocks ahead is sealed to, as every client of these subnets computes it: by the clock, not by blocks. */
export function roundAfterBlocks(beacon: Beacon, unix: number, blocks: number, blockTime: number): number {
  return Math.floor((Math.floor(unix) - beacon.genesis + pythonRound(blocks * blockTime)) / beacon.period);
}

/** `round(value)` of Python: halves to the even neighbour. */
function pythonRound(value: number): number {
  const below = Math.floor(value);
  if (value - below !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}

/**
 * Blocks until a reveal that comes `margin` blocks before the next multiple of `epoch_blocks` (`nextEpoch`: before the one after it); at least
 * one. Throws `RangeError` for a margin that is none.
 */
export function blocksUntilBoundary(
  block: number,
  { epoch_blocks: epoch, margin }: { epoch_blocks: number; margin: number },
  nextEpoch = false,
): number {
  if (epoch < 1 || margin < 0 || margin >= epoch) throw new RangeError('the margin is not within an epoch');
  const boundary = (Math.floor(block / epoch) + 1) * epoch + (nextEpoch ? epoch : 0);
  return Math.max(boundary - margin - block, 1);
}
