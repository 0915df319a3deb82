import type { Connection } from './connection.ts';
import { readValue } from './storage.ts';
import { readStore } from './store.ts';
import type { Commitment, DataField, Seal } from './types.ts';

/** A commitment as the metadata decodes it; a struct of one field is that field, hence `info` is the list. */
export interface Registration {
  block: number;
  info: unknown;
}

/** The commitment of one hotkey, or null. */
export async function readCommitment(
  connection: Connection,
  netuid: number,
  hotkey: string,
): Promise<Commitment | null> {
  const registration = await readValue(connection, 'Commitments', 'CommitmentOf', netuid, hotkey);
  return registration ? commitmentOf(registration) : null;
}

/** The texts of a subnet by hotkey. */
export async function readCommitments(
  connection: Connection,
  netuid: number,
): Promise<Map<string, Commitment>> {
  const { entries } = await readStore(connection, netuid);
  return new Map(
    [...entries].flatMap(([hotkey, { entry }]) =>
      entry === null ? [] : [[hotkey, { block: entry.block, text: entry.text }] as const],
    ),
  );
}

/** The text of a registration: its fields must be exactly one byte string of UTF-8. */
export function commitmentOf({ block, info }: Registration): Commitment {
  if (!Number.isInteger(block)) throw new RangeError('the commitment has no block');
  const fields = fieldsOf(info);
  const [only] = fields;
  return { block, text: fields.length === 1 && only?.kind === 'raw' ? only.text : null };
}

/** Every field of a commitment, in every form of the pallet's `Data`. What is none of them is `other`, with its name. */
export function fieldsOf(info: unknown): DataField[] {
  const fields = Array.isArray(info) ? info : (info as { fields?: unknown } | null)?.fields;
  return Array.isArray(fields) ? fields.map(fieldOf) : [];
}

function fieldOf(field: { type?: unknown; value?: unknown }): DataField {
  const name = typeof field?.type === 'string' ? field.type : '';
  if (name === 'TimelockEncrypted' || name === 'TimelockRevealFailed') {
    const { encrypted, reveal_round } = (field.value ?? {}) as {
      encrypted?: unknown;
      reveal_round?: unknown;
    };
    const [bytes, round] = [bytesOf(encrypted), Number(reveal_round)];
    if (bytes === null || !Number.isSafeInteger(round)) return { kind: 'other', name };
    return { kind: name === 'TimelockEncrypted' ? 'sealed' : 'failed', encrypted: bytes, round };
  }
  const bytes = rawBytes(name, field?.value);
  if (bytes === null) return { kind: 'other', name };
  return { kind: 'raw', bytes, text: utf8(bytes) };
}

/** Whether a field is this text or this seal, pending. */
export function isField(field: DataField, body: string | Seal): boolean {
  if (typeof body === 'string') return field.kind === 'raw' && field.text === body;
  return (
    field.kind === 'sealed' &&
    field.round === body.round &&
    Buffer.from(field.encrypted).equals(body.encrypted)
  );
}

function utf8(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** Bytes of a `RawN` or `BigRaw` field: hex, except that one byte is decoded as a number and none as nothing. */
function rawBytes(name: string, value: unknown): Uint8Array | null {
  if (name !== 'BigRaw' && !/^Raw\d{1,3}$/.test(name)) return null;
  if (name === 'Raw0') return new Uint8Array();
  return typeof value === 'number' ? Uint8Array.of(value) : bytesOf(value);
}

function bytesOf(value: unknown): Uint8Array | null {
  if (value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return Uint8Array.from(value as number[]);
  return typeof value === 'string' && /^0x([0-9a-f]{2})*$/i.test(value)
    ? new Uint8Array(Buffer.from(value.slice(2), 'hex'))
    : null;
}
