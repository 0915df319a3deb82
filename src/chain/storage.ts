import type { Connection } from './connection.ts';
import type { Session } from './greet.ts';
import { type Call, ConnectionLost } from './rpc.ts';

/** Keys a node returns at most in one page, and values asked for in one call. */
export const PAGE = 1000;

/** Reads storage values of one block in one frame; returns them by key. */
export async function readKeys({ rpc }: Session, keys: string[]): Promise<Map<string, string | null>> {
  const values = new Map<string, string | null>();
  const calls: Call[] = [];
  for (let i = 0; i < keys.length; i += PAGE) calls.push(['state_queryStorageAt', keys.slice(i, i + PAGE)]);
  for (const answer of calls.length === 0 ? [] : await rpc.batch(calls)) addChanges(answer, values);
  return values;
}

/** Collects `[{changes: [[key, value], …]}]`; anything of another form counts as a broken connection. */
export function addChanges(answer: unknown, values: Map<string, string | null>): void {
  if (!Array.isArray(answer)) throw new ConnectionLost('it does not answer state_queryStorageAt');
  for (const one of answer) {
    const changes: unknown = one?.changes;
    if (!Array.isArray(changes)) throw new ConnectionLost('it does not answer state_queryStorageAt');
    for (const change of changes) {
      const [key, value] = Array.isArray(change) ? change : [];
      if (typeof key !== 'string') throw new ConnectionLost('it does not answer state_queryStorageAt');
      values.set(key, value);
    }
  }
}

/** Best block number. */
export async function readBlock(connection: Connection): Promise<number> {
  return connection.read(async ({ rpc }) => {
    const [header] = await rpc.batch([['chain_getHeader']]);
    return numberOf(header);
  });
}

/** Block number of a header. */
export function numberOf(header: unknown): number {
  const given = (header as { number?: unknown } | null)?.number;
  const number = typeof given === 'string' || typeof given === 'number' ? Number(given) : Number.NaN;
  // Block numbers are 32 bits wide.
  if (!Number.isInteger(number) || number < 0 || number > 0xffffffff)
    throw new ConnectionLost('it sent no block header');
  return number;
}

/** One storage value, decoded. */
export async function readValue(connection: Connection, pallet: string, item: string, ...keys: unknown[]) {
  return connection.read(async ({ rpc, runtime }) => {
    const [value] = await rpc.batch([['state_getStorage', runtime.key(pallet, item, ...keys)]]);
    return runtime.value(pallet, item, value);
  });
}
