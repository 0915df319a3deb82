import type { Connection } from './connection.ts';
import type { Call } from './rpc.ts';
import type { Runtime } from './runtime.ts';
import { addChanges, numberOf } from './storage.ts';
import type { CommitLimit } from './types.ts';

/** Bytes that the chain counts for the smallest commitment. */
const MIN_SPACE = 100;

/** Storage that limits depend on, in any runtime: item -> pallet. A runtime has one or the other half. */
const ITEMS = {
  UsedSpaceOf: 'Commitments',
  MaxSpace: 'Commitments',
  Tempo: 'SubtensorModule',
  SubnetEpochIndex: 'SubtensorModule',
  LastCommitment: 'Commitments',
  RateLimit: 'Commitments',
} as const;

type Item = keyof typeof ITEMS;

/** What the chain lets `hotkey` write now, by the rule that its runtime has. One round trip. */
export async function readCommitLimit(
  connection: Connection,
  netuid: number,
  hotkey: string,
  bytes: number,
): Promise<CommitLimit> {
  const args: Record<Item, unknown[]> = {
    UsedSpaceOf: [netuid, hotkey],
    MaxSpace: [],
    Tempo: [netuid],
    SubnetEpochIndex: [netuid],
    LastCommitment: [netuid, hotkey],
    RateLimit: [],
  };
  return connection.read(async ({ rpc, runtime }) => {
    const items = (Object.keys(ITEMS) as Item[]).filter((item) => runtime.has(ITEMS[item], item));
    const key = (item: Item): string => runtime.key(ITEMS[item], item, ...args[item]);
    const nextEpoch = nextEpochCall(runtime, netuid);
    const [header, answer, epochStart] = await rpc.batch([
      ['chain_getHeader'],
      ['state_queryStorageAt', items.map(key)],
      ...(nextEpoch ? [nextEpoch.call] : []),
    ] as Call[]);
    const values = new Map<string, string | null>();
    addChanges(answer, values);
    const value = (item: Item) =>
      items.includes(item) ? runtime.value(ITEMS[item], item, values.get(key(item))) : undefined;
    const block = numberOf(header);
    if (!items.includes('UsedSpaceOf') || !items.includes('MaxSpace'))
      return sound(
        blocksLimit(block, value('LastCommitment'), value('RateLimit') ?? rateLimitConstant(runtime)),
      );
    const limit = spaceLimit({
      block,
      netuid,
      bytes,
      usage: value('UsedSpaceOf'),
      max: Number(value('MaxSpace')),
      tempo: Number(value('Tempo')),
      epochIndex: value('SubnetEpochIndex'),
      nextEpochStart: nextEpoch && epochStart ? nextEpoch.decode(epochStart) : undefined,
    });
    return sound(limit);
  });
}

/** Refuses what no chain can mean: whoever waits for `freeAtBlock` must have a number. */
function sound(limit: CommitLimit): CommitLimit {
  const { used, max, freeAtBlock } = limit;
  if (![used, max, freeAtBlock].every((number) => Number.isSafeInteger(number)))
    throw new RangeError('the limit is no number');
  return limit;
}

/** The runtime's own answer to when the next epoch begins, where it gives one. */
function nextEpochCall(runtime: Runtime, netuid: number) {
  const [api, method] = ['SubnetInfoRuntimeApi', 'get_next_epoch_start_block'] as const;
  if (!runtime.hasApi(api, method)) return null;
  const { encode, decode } = runtime.api(api, method);
  return { call: ['state_call', `${api}_${method}`, encode(netuid)] as const, decode };
}

const rateLimitConstant = (runtime: Runtime): number | undefined =>
  runtime.hasConstant('Commitments', 'DefaultRateLimit')
    ? Number(runtime.constant('Commitments', 'DefaultRateLimit'))
    : undefined;

export interface SpaceFacts {
  block: number;
  netuid: number;
  /** Length of the commitment to be written. */
  bytes: number;
  usage: { last_epoch: bigint; used_space: bigint } | undefined;
  max: number;
  tempo: number;
  /** The chain's own count of epochs and start of the next one, where it tells them. */
  epochIndex?: bigint | undefined;
  nextEpochStart?: bigint | undefined;
}

/**
 * Limit in bytes an epoch: what is used now and when the next epoch frees it. The next block is the one that counts. Runtimes count epochs by
 * formula or in storage; use that is of the current epoch by either count is taken as used.
 */
export function spaceLimit({ block, netuid, bytes, usage, max, tempo, ...chain }: SpaceFacts): CommitLimit {
  const epochAt = (number: number): number => Math.floor((number + netuid + 1) / (tempo + 1));
  const epoch = epochAt(block + 1);
  const lastEpoch = usage && Number(usage.last_epoch);
  const isCurrent =
    lastEpoch === epoch || (chain.epochIndex !== undefined && lastEpoch === Number(chain.epochIndex));
  const used = usage && isCurrent ? Number(usage.used_space) : 0;
  if (used + Math.max(MIN_SPACE, bytes) <= max)
    return { kind: 'space', allowed: true, used, max, freeAtBlock: block };
  const next =
    chain.nextEpochStart === undefined
      ? (epoch + 1) * (tempo + 1) - (netuid + 1)
      : Math.max(block + 1, Number(chain.nextEpochStart));
  // A block can be built on `next - 1` that is already in the next epoch.
  return { kind: 'space', allowed: false, used, max, freeAtBlock: next - 1 };
}

/** Limit in blocks between two commitments; `limit` is undefined when the runtime has none. */
export function blocksLimit(block: number, last: number | undefined, limit: number | undefined): CommitLimit {
  if (limit === undefined) return { kind: 'none', allowed: true, used: 0, max: 0, freeAtBlock: block };
  const since = last === undefined ? limit : block + 1 - last;
  if (since >= limit) return { kind: 'blocks', allowed: true, used: limit, max: limit, freeAtBlock: block };
  return { kind: 'blocks', allowed: false, used: since, max: limit, freeAtBlock: last! + limit - 1 };
}
