/** All that a subnet's miners have in the commitments pallet: what stands, what was revealed, and how far the beacon is known. */
import { commitmentOf, fieldsOf, type Registration } from './commitments.ts';
import type { Connection } from './connection.ts';
import { isHash, type Session } from './greet.ts';
import { ConnectionLost, RpcError } from './rpc.ts';
import { fromHex } from './runtime.ts';
import { PAGE, readKeys } from './storage.ts';
import type { ChainBeacon, CommitmentStore, RevealedBytes, StoredCommitments } from './types.ts';

/** Far more entries than a subnet ever had. */
const MAX_PAGES = 50;

const MAPS = ['CommitmentOf', 'RevealedCommitments', 'LastCommitment'] as const;
type MapName = (typeof MAPS)[number];
/** Those that the runtime has; the first it must have, or asking for it is an error that names it. */
const mapsOf = (runtime: Pick<Session['runtime'], 'has'>): MapName[] =>
  MAPS.filter((map, i) => i === 0 || runtime.has('Commitments', map));
/** The newest and oldest round of the beacon whose signature the chain holds. */
const ROUNDS = ['LastStoredRound', 'OldestStoredRound'] as const;

/**
 * The pallet's entries of one subnet by hotkey, in two round trips for each thousand: all maps of it are listed together, and all values
 * asked for together. What cannot be decoded is left out, and never takes the others with it.
 */
export async function readStore(connection: Connection, netuid: number): Promise<CommitmentStore> {
  return connection.read(async (session) => {
    const { rpc, runtime } = session;
    let open = mapsOf(runtime).map((map) => ({
      map,
      prefix: runtime.key('Commitments', map, netuid),
      start: null as string | null,
    }));
    const rounds = ROUNDS.filter((item) => runtime.has('Drand', item)).map((item) =>
      runtime.key('Drand', item),
    );
    const store = emptyStore();
    for (let pages = 0; open.length > 0; pages++) {
      if (pages === MAX_PAGES) throw new ConnectionLost('its list of commitments has no end');
      const answers: readonly unknown[] = await rpc.batch(
        open.map(({ prefix, start }) => ['state_getKeysPaged', prefix, PAGE, start] as const),
      );
      const listed = open.map((each, i) => ({ ...each, keys: pageOf(answers[i]) }));
      const values = await readKeys(session, [
        ...listed.flatMap(({ keys }) => keys),
        ...(pages === 0 ? rounds : []),
      ]);
      if (pages === 0) store.beacon = beaconOf(session, values);
      for (const { map, keys } of listed)
        for (const key of keys) take(session, store, map, key, values.get(key));
      open = listed
        .filter(({ keys }) => keys.length === PAGE)
        .map(({ map, prefix, keys }) => ({ map, prefix, start: keys.at(-1)! }));
    }
    return store;
  });
}

/** The same of one hotkey, in one round trip. */
export async function readStoreOf(
  connection: Connection,
  netuid: number,
  hotkey: string,
): Promise<StoredCommitments & Pick<CommitmentStore, 'beacon'>> {
  return connection.read(async (session) => {
    const { runtime } = session;
    const maps = mapsOf(runtime);
    const keys = maps.map((map) => runtime.key('Commitments', map, netuid, hotkey));
    const rounds = ROUNDS.filter((item) => runtime.has('Drand', item)).map((item) =>
      runtime.key('Drand', item),
    );
    const values = await readKeys(session, [...keys, ...rounds]);
    const store = emptyStore();
    for (const [i, map] of maps.entries()) take(session, store, map, keys[i]!, values.get(keys[i]!));
    return { ...(store.entries.get(hotkey) ?? NOTHING), beacon: beaconOf(session, values) };
  });
}

/** The beacon's configuration and the chain's clock; null where the runtime has none. */
export async function readBeacon(connection: Connection): Promise<ChainBeacon | null> {
  return connection.read(async ({ rpc, runtime }) => {
    if (!runtime.has('Drand', 'BeaconConfig')) return null;
    const [config, time] = await rpc.batch([
      ['state_getStorage', runtime.key('Drand', 'BeaconConfig')],
      ['state_getStorage', runtime.key('Timestamp', 'Now')],
    ]);
    const { public_key, genesis_time, period } = runtime.value('Drand', 'BeaconConfig', config);
    const [genesis, seconds, now] = [
      genesis_time,
      period,
      Number(runtime.value('Timestamp', 'Now', time)) / 1000,
    ].map(Number) as [number, number, number];
    if (![genesis, seconds, now].every(Number.isFinite) || seconds <= 0)
      throw new RangeError('the beacon is not configured');
    return { public_key: Buffer.from(bytesOf(public_key)).toString('hex'), genesis, period: seconds, now };
  });
}

/** The rounds that the chain had after one of its blocks; null where the runtime has no beacon or the node that block's state no more. */
export async function readRoundsAt(
  connection: Connection,
  block: number,
): Promise<CommitmentStore['beacon']> {
  return connection.read(async (session) => {
    const { rpc, runtime } = session;
    const keys = ROUNDS.filter((item) => runtime.has('Drand', item)).map((item) =>
      runtime.key('Drand', item),
    );
    const [hash] = await rpc.batch([['chain_getBlockHash', block]]);
    if (!isHash(hash) || keys.length === 0) return null;
    try {
      const values = await rpc.batch(keys.map((key) => ['state_getStorage', key, hash] as const));
      return beaconOf(session, new Map(keys.map((key, i) => [key, (values[i] ?? null) as string | null])));
    } catch (error) {
      if (error instanceof RpcError) return null;
      throw error;
    }
  });
}

/** What a hotkey without any entry has. */
export const NOTHING: StoredCommitments = { entry: null, revealed: [], lastBlock: null };

const emptyStore = (): CommitmentStore & { entries: Map<string, StoredCommitments> } => ({
  entries: new Map(),
  beacon: null,
});

function pageOf(page: unknown): string[] {
  if (!Array.isArray(page) || page.length > PAGE || !page.every((key) => typeof key === 'string'))
    throw new ConnectionLost('it does not answer state_getKeysPaged');
  return page;
}

function take(
  { runtime }: Session,
  store: { entries: Map<string, StoredCommitments> },
  map: MapName,
  key: string,
  value: string | null | undefined,
): void {
  if (value === null || value === undefined) return;
  try {
    const decoded: unknown = runtime.value('Commitments', map, value);
    const hotkey: unknown = runtime.keysOf('Commitments', map, key)[1];
    if (typeof hotkey !== 'string') return;
    const known = store.entries.get(hotkey) ?? NOTHING;
    store.entries.set(hotkey, { ...known, ...partOf(map, decoded) });
  } catch {}
}

function partOf(map: MapName, decoded: unknown): Partial<StoredCommitments> {
  switch (map) {
    case 'CommitmentOf': {
      const registration = decoded as Registration;
      return { entry: { ...commitmentOf(registration), fields: fieldsOf(registration.info) } };
    }
    case 'RevealedCommitments':
      return { revealed: revealedOf(decoded) };
    case 'LastCommitment':
      return { lastBlock: Number.isInteger(decoded) ? (decoded as number) : null };
  }
}

/** `Vec<(Vec<u8>, u64)>`, oldest first. */
export function revealedOf(decoded: unknown): RevealedBytes[] {
  if (!Array.isArray(decoded)) throw new RangeError('the reveals are no list');
  return decoded.map((pair) => {
    const [bytes, block] = Array.isArray(pair) ? pair : [];
    const number = Number(block);
    if (!Number.isSafeInteger(number)) throw new RangeError('a reveal has no block');
    return { bytes: bytesOf(bytes), block: number };
  });
}

/** Bytes as the codec gives them: hex, or numbers. */
function bytesOf(value: unknown): Uint8Array {
  if (Array.isArray(value)) return Uint8Array.from(value as number[]);
  if (value instanceof Uint8Array) return value;
  return fromHex(value);
}

function beaconOf(
  { runtime }: Session,
  values: ReadonlyMap<string, string | null>,
): CommitmentStore['beacon'] {
  const [newest, oldest] = ROUNDS.map((item) => {
    if (!runtime.has('Drand', item)) return null;
    const round = Number(runtime.value('Drand', item, values.get(runtime.key('Drand', item)) ?? null));
    return Number.isSafeInteger(round) ? round : null;
  });
  return newest === null || newest === undefined ? null : { newest, oldest: oldest ?? 0 };
}
