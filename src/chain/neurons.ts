import type { Connection } from './connection.ts';
import { readKeys } from './storage.ts';
import type { Neuron } from './types.ts';

/** Neurons of a subnet are numbered without gaps from 0; real subnets hold at most 256, so one guess covers nearly all. */
const FIRST_UIDS = 256;

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
    if (!Number.isInteger(count)) throw new RangeError('the subnet has no number of neurons');
    for (const [name, value] of await readKeys(session, uidKeys(FIRST_UIDS, count))) values.set(name, value);
    const incentives = column('Incentive') as number[];
    const permits = column('ValidatorPermit') as boolean[];
    const active = column('Active') as boolean[];
    const hotkeyOf = (uid: number): string => {
      const hotkey: unknown = runtime.value('SubtensorModule', 'Keys', values.get(key('Keys', uid)) ?? null);
      if (typeof hotkey !== 'string') throw new RangeError(`neuron ${uid} has no hotkey`);
      return hotkey;
    };
    return Array.from({ length: count }, (_, uid) => ({
      uid,
      hotkey: hotkeyOf(uid),
      incentive: (incentives[uid] ?? 0) / 65535,
      validatorPermit: permits[uid] ?? false,
      active: active[uid] ?? false,
    }));
  });
}
