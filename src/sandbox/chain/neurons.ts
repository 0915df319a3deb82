import { publicKeyOf, type State } from './state.ts';

/** Per-uid vectors and the value a fresh neuron gets in each. */
const VECTORS = {
  Active: true,
  Incentive: 0,
  Consensus: 0,
  Dividends: 0,
  ValidatorTrust: 0,
  ValidatorPermit: false,
  Emission: 0n,
  LastUpdate: 0n,
} as const;

/** Makes a subnet with no neurons. */
export function addSubnet(state: State, netuid: number, tempo: number, owner: string): void {
  state.set('SubtensorModule', 'NetworksAdded', [netuid], true);
  state.set('SubtensorModule', 'Tempo', [netuid], tempo);
  state.set('SubtensorModule', 'SubnetOwner', [netuid], owner);
  state.set('SubtensorModule', 'SubnetOwnerHotkey', [netuid], owner);
  const total = state.get('SubtensorModule', 'TotalNetworks') as number;
  state.set('SubtensorModule', 'TotalNetworks', [], total + 1);
}

/** Registers a hotkey under the next uid and returns it; the uid it has when it is registered already. */
export function addNeuron(
  state: State,
  netuid: number,
  hotkey: string,
  options: { block: number; coldkey?: string; validator?: boolean },
): number {
  publicKeyOf(hotkey);
  const known = state.get('SubtensorModule', 'Uids', netuid, hotkey) as number | undefined;
  if (known !== undefined) return known;
  const uid = state.get('SubtensorModule', 'SubnetworkN', netuid) as number;
  state.set('SubtensorModule', 'SubnetworkN', [netuid], uid + 1);
  state.set('SubtensorModule', 'Uids', [netuid, hotkey], uid);
  state.set('SubtensorModule', 'Keys', [netuid, uid], hotkey);
  state.set('SubtensorModule', 'IsNetworkMember', [hotkey, netuid], true);
  state.set('SubtensorModule', 'BlockAtRegistration', [netuid, uid], BigInt(options.block));
  state.set('SubtensorModule', 'Owner', [hotkey], options.coldkey ?? hotkey);
  for (const [name, initial] of Object.entries(VECTORS)) {
    const values = state.get('SubtensorModule', name, netuid) as unknown[];
    const value = name === 'ValidatorPermit' ? (options.validator ?? false) : initial;
    state.set('SubtensorModule', name, [netuid], [...values, value]);
  }
  return uid;
}

/** Sets the incentive of every neuron: shares by uid that add up to 1, or less; absent uids get none. */
export function setIncentives(state: State, netuid: number, shares: Record<number, number>): void {
  const count = state.get('SubtensorModule', 'SubnetworkN', netuid) as number;
  const values = Array.from({ length: count }, (_, uid) => Math.round((shares[uid] ?? 0) * 65535));
  state.set('SubtensorModule', 'Incentive', [netuid], values);
  state.set('SubtensorModule', 'Consensus', [netuid], values);
}

/** Adds to the balance of a coldkey, in rao. */
export function addFunds(state: State, address: string, rao: bigint): void {
  const info = state.get('System', 'Account', address);
  info.data.free += rao;
  state.set('System', 'Account', [address], { ...info, providers: 1 });
  state.set('Balances', 'TotalIssuance', [], (state.get('Balances', 'TotalIssuance') as bigint) + rao);
}
