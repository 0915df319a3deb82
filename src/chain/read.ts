import type { Connection, Session } from './connection.ts';
import type { Call } from './rpc.ts';
import { ConnectionLost } from './rpc.ts';
import type { CommitLimit, Commitment, Neuron } from './types.ts';

/** Neurons of a subnet are numbered without gaps from 0; real subnets hold at most 256, so one guess covers nearly all. */
const FIRST_UIDS = 256;
/** Keys a node returns at most in one page, and values asked for in one call. */
const PAGE = 1000;

/** A commitment as the metadata decodes it; a struct of one field is that field, hence `info` is the list. */
interface Registration {
  block: number;
  info: unknown;
}

/** Reads storage values of one block in one frame; returns them by key. */
async function readKeys({ rpc }: Session, keys: string[]): Promise<Map<string, string | null>> {
  const values = new Map<string, string | null>();
  const calls: Call[] = [];
  for (let i = 0; i < keys.length; i += PAGE) calls.push(['state_queryStorageAt', keys.slice(i, i + PAGE)]);
  for (const answer of calls.length === 0 ? [] : await rpc.batch(calls)) addChanges(answer, values);
  return values;
}

/** Collects `[{changes: [[key, value], …]}]`; anything of another form counts as a broken connection. */
function addChanges(answer: unknown, values: Map<string, string | null>): void {
  if (!Array.isArray(answer)) throw new ConnectionLost('it does not answer state_queryStorageAt');
  for (const { changes } of answer) for (const [key, value] of changes) values.set(String(key), value);
}

export async function readBlock(connection: Connection): Promise<number> {
  return connection.read(async ({ rpc }) => {
    const [header] = await rpc.batch([['chain_getHeader']]);
    return numberOf(header);
  });
}

/** Block number of a header. */
export function numberOf(header: unknown): number {
  const number = Number((header as { number?: unknown } | null)?.number);
  if (!Number.isSafeInteger(number)) throw new ConnectionLost('it sent no block header');
  return number;
}

/** One storage value, decoded. */
export async function readValue(connection: Connection, pallet: string, item: string, ...keys: unknown[]) {
  return connection.read(async ({ rpc, runtime }) => {
    const [value] = await rpc.batch([['state_getStorage', runtime.key(pallet, item, ...keys)]]);
    return runtime.value(pallet, item, value);
  });
}

/** All neurons of a subnet in one round trip (two when it has more than 256). Empty when there is no such subnet. */
export async function readNeurons(connection: Connection, netuid: number): Promise<Neuron[]> {
  return connection.read(async (session) => {
    const { runtime } = session;
    const key = (item: string, ...keys: unknown[]) => runtime.key('SubtensorModule', item, netuid, ...keys);
    const columns = ['SubnetworkN', 'Incentive', 'ValidatorPermit', 'Active'] as const;
    const uidKeys = (from: number, to: number): string[] =>
      Array.from({ length: Math.max(0, to - from) }, (_, i) => key('Keys', from + i));
    const values = await readKeys(session, [...columns.map((item) => key(item)), ...uidKeys(0, FIRST_UIDS)]);
    const column = (item: (typeof columns)[number]) =>
      runtime.value('SubtensorModule', item, values.get(key(item)) ?? null);
    const count = column('SubnetworkN') as number;
    for (const [name, value] of await readKeys(session, uidKeys(FIRST_UIDS, count))) values.set(name, value);
    const incentives = column('Incentive') as number[];
    const permits = column('ValidatorPermit') as boolean[];
    const active = column('Active') as boolean[];
    return Array.from({ length: count }, (_, uid) => ({
      uid,
      hotkey: runtime.value('SubtensorModule', 'Keys', values.get(key('Keys', uid)) ?? null) as string,
      incentive: (incentives[uid] ?? 0) / 65535,
      validatorPermit: permits[uid] ?? false,
      active: active[uid] ?? false,
    }));
  });
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
    for (let start: string | null = null; ; ) {
      const [page] = (await rpc.batch([['state_getKeysPaged', prefix, PAGE, start]])) as [string[]];
      for (const [key, value] of await readKeys(session, page)) {
        // Untrusted bytes: what cannot be decoded is left out, and never takes the others with it.
        try {
          const registration = runtime.value('Commitments', 'CommitmentOf', value);
          const hotkey = String(runtime.keysOf('Commitments', 'CommitmentOf', key)[1]);
          if (registration) found.set(hotkey, commitmentOf(registration));
        } catch {}
      }
      if (page.length < PAGE) return found;
      start = page.at(-1)!;
    }
  });
}

/** The text of a registration: its fields must be exactly one raw byte string of UTF-8. */
export function commitmentOf({ block, info }: Registration): Commitment {
  return { block: Number(block), text: textOf(info) };
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
  const length = /^Raw(\d{1,3})$/.exec(String(field?.type))?.[1];
  if (length === undefined) return null;
  const { value } = field;
  if (length === '0') return new Uint8Array();
  if (typeof value === 'number') return Uint8Array.of(value);
  return typeof value === 'string' ? Buffer.from(value.replace(/^0x/, ''), 'hex') : null;
}

/** The `info` argument of `set_commitment` for one text; the caller has checked its length. */
export function commitmentInfo(text: string): unknown {
  const bytes = Buffer.from(text, 'utf8');
  const value = bytes.length === 0 ? undefined : bytes.length === 1 ? bytes[0] : `0x${bytes.toString('hex')}`;
  return [{ type: `Raw${bytes.length}`, value }];
}

/** Bytes that the chain counts for the smallest commitment. */
const MIN_SPACE = 100;

/** What the chain lets `hotkey` write now, by the rule that its runtime has. */
export async function readCommitLimit(
  connection: Connection,
  netuid: number,
  hotkey: string,
  bytes: number,
): Promise<CommitLimit> {
  return connection.read(async (session) => {
    const { rpc, runtime } = session;
    const space = runtime.has('Commitments', 'UsedSpaceOf') && runtime.has('Commitments', 'MaxSpace');
    const items: [string, string, ...unknown[]][] = space
      ? [
          ['Commitments', 'UsedSpaceOf', netuid, hotkey],
          ['Commitments', 'MaxSpace'],
          ['SubtensorModule', 'Tempo', netuid],
          ...optional(runtime.has('SubtensorModule', 'SubnetEpochIndex'), [
            'SubtensorModule',
            'SubnetEpochIndex',
            netuid,
          ] as [string, string, ...unknown[]]),
        ]
      : [
          ['Commitments', 'LastCommitment', netuid, hotkey],
          ...optional(runtime.has('Commitments', 'RateLimit'), ['Commitments', 'RateLimit'] as [
            string,
            string,
          ]),
        ];
    const nextEpoch = runtime.hasApi('SubnetInfoRuntimeApi', 'get_next_epoch_start_block')
      ? runtime.api('SubnetInfoRuntimeApi', 'get_next_epoch_start_block')
      : null;
    const keys = items.map(([pallet, item, ...rest]) => runtime.key(pallet, item, ...rest));
    const [header, answer, epochStart] = await rpc.batch([
      ['chain_getHeader'],
      ['state_queryStorageAt', keys],
      ...optional(space && nextEpoch !== null, [
        'state_call',
        'SubnetInfoRuntimeApi_get_next_epoch_start_block',
        nextEpoch?.encode(netuid),
      ] as Call),
    ] as Call[]);
    const values = new Map<string, string | null>();
    addChanges(answer, values);
    const value = (index: number) =>
      items[index] && runtime.value(items[index][0], items[index][1], values.get(keys[index]!) ?? null);
    const block = numberOf(header);
    if (space)
      return spaceLimit({
        block,
        netuid,
        bytes,
        usage: value(0),
        max: Number(value(1)),
        tempo: Number(value(2)),
        epoch: value(3) === undefined ? null : Number(value(3)),
        nextEpochStart: epochStart && nextEpoch ? (nextEpoch.decode(epochStart) ?? null) : null,
      });
    const limit = runtime.has('Commitments', 'RateLimit')
      ? Number(value(1))
      : runtime.hasConstant('Commitments', 'DefaultRateLimit')
        ? Number(runtime.constant('Commitments', 'DefaultRateLimit'))
        : null;
    return blocksLimit(block, value(0), limit);
  });
}

const optional = <T>(wanted: boolean, item: T): T[] => (wanted ? [item] : []);

interface SpaceFacts {
  block: number;
  netuid: number;
  bytes: number;
  usage: { last_epoch: bigint; used_space: bigint } | undefined;
  max: number;
  tempo: number;
  /** The chain's own count of epochs where it keeps one. */
  epoch: number | null;
  nextEpochStart: bigint | number | null;
}

/** Limit in bytes an epoch: what is used now and when the next epoch frees it. The next block is the one that counts. */
export function spaceLimit(facts: SpaceFacts): CommitLimit {
  const { block, netuid, tempo, max } = facts;
  const indexAt = (number: number): number => Math.floor((number + netuid + 1) / (tempo + 1));
  const epoch = facts.epoch ?? indexAt(block + 1);
  const used = facts.usage && Number(facts.usage.last_epoch) === epoch ? Number(facts.usage.used_space) : 0;
  const allowed = used + Math.max(MIN_SPACE, facts.bytes) <= max;
  const byFormula = (indexAt(block + 1) + 1) * (tempo + 1) - (netuid + 1);
  const next = facts.nextEpochStart === null ? byFormula : Math.max(block + 1, Number(facts.nextEpochStart));
  return { kind: 'space', allowed, used, max, freeAtBlock: allowed ? block : next };
}

/** Limit in blocks between two commitments; `limit` null when the runtime has none. */
export function blocksLimit(block: number, last: number | undefined, limit: number | null): CommitLimit {
  if (limit === null) return { kind: 'none', allowed: true, used: 0, max: 0, freeAtBlock: block };
  const since = last === undefined ? limit : block + 1 - Number(last);
  const allowed = since >= limit;
  return {
    kind: 'blocks',
    allowed,
    used: Math.min(since, limit),
    max: limit,
    freeAtBlock: allowed ? block : Number(last) + limit - 1,
  };
}
