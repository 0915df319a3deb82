import type { Connection } from './connection.ts';
import { ConnectionLost } from './rpc.ts';
import { PAGE, readKeys, readValue } from './storage.ts';
import type { Commitment } from './types.ts';

/** Far more commitments than a subnet ever had. */
const MAX_PAGES = 50;

/** A commitment as the metadata decodes it; a struct of one field is that field, hence `info` is the list. */
interface Registration {
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

/** All commitments of a subnet by hotkey, in two round trips for each thousand. */
export async function readCommitments(
  connection: Connection,
  netuid: number,
): Promise<Map<string, Commitment>> {
  return connection.read(async (session) => {
    const { rpc, runtime } = session;
    const prefix = runtime.key('Commitments', 'CommitmentOf', netuid);
    const found = new Map<string, Commitment>();
    let start: string | null = null;
    for (let pages = 0; pages < MAX_PAGES; pages++) {
      const [page]: readonly unknown[] = await rpc.batch([['state_getKeysPaged', prefix, PAGE, start]]);
      if (!isPage(page)) throw new ConnectionLost('it does not answer state_getKeysPaged');
      for (const [key, value] of await readKeys(session, page)) {
        // Untrusted bytes: what cannot be decoded is left out, and never takes the others with it.
        try {
          const registration = runtime.value('Commitments', 'CommitmentOf', value);
          const hotkey: unknown = runtime.keysOf('Commitments', 'CommitmentOf', key)[1];
          if (registration && typeof hotkey === 'string') found.set(hotkey, commitmentOf(registration));
        } catch {}
      }
      if (page.length < PAGE) return found;
      start = page.at(-1)!;
    }
    throw new ConnectionLost('its list of commitments has no end');
  });
}

const isPage = (page: unknown): page is string[] =>
  Array.isArray(page) && page.length <= PAGE && page.every((key) => typeof key === 'string');

/** The text of a registration: its fields must be exactly one raw byte string of UTF-8. */
export function commitmentOf({ block, info }: Registration): Commitment {
  if (!Number.isInteger(block)) throw new RangeError('the commitment has no block');
  return { block, text: textOf(info) };
}

function textOf(info: unknown): string | null {
  const fields = Array.isArray(info) ? info : (info as { fields?: unknown } | null)?.fields;
  if (!Array.isArray(fields) || fields.length !== 1) return null;
  const bytes = rawBytes(fields[0]);
  if (!bytes) return null;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** Bytes of a `RawN` field: hex, except that one byte is decoded as a number and none as nothing. */
function rawBytes(field: { type?: unknown; value?: unknown }): Uint8Array | null {
  const length = /^Raw(\d{1,3})$/.exec(typeof field?.type === 'string' ? field.type : '')?.[1];
  if (length === undefined) return null;
  const { value } = field;
  if (length === '0') return new Uint8Array();
  if (typeof value === 'number') return Uint8Array.of(value);
  return typeof value === 'string' ? Buffer.from(value.replace(/^0x/, ''), 'hex') : null;
}
