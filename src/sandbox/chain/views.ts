import { selectiveFields } from './metagraph-types.ts';
import type { State } from './state.ts';

const ZERO_AXON = {
  block: 0n,
  version: 0,
  ip: 0n,
  port: 0,
  ip_type: 0,
  protocol: 0,
  placeholder1: 0,
  placeholder2: 0,
};
const ZERO_PROMETHEUS = { block: 0n, version: 0, ip: 0n, port: 0, ip_type: 0 };

/** Per-uid values of a subnet, in the metagraph's field names. */
function columns(state: State, netuid: number) {
  const item = <T>(name: string): T => state.get('SubtensorModule', name, netuid) as T;
  const count = item<number>('SubnetworkN');
  const uids = [...Array(count).keys()];
  const hotkeys = uids.map((uid) => state.get('SubtensorModule', 'Keys', netuid, uid) as string);
  const none = uids.map(() => 0);
  const nothing = uids.map(() => 0n);
  return {
    hotkeys,
    coldkeys: hotkeys.map((hotkey) => state.get('SubtensorModule', 'Owner', hotkey) as string),
    active: item<boolean[]>('Active'),
    validator_permit: item<boolean[]>('ValidatorPermit'),
    pruning_score: none,
    last_update: item<bigint[]>('LastUpdate'),
    emission: item<bigint[]>('Emission'),
    dividends: item<number[]>('Dividends'),
    incentives: item<number[]>('Incentive'),
    consensus: item<number[]>('Consensus'),
    trust: none,
    rank: none,
    block_at_registration: uids.map(
      (uid) => state.get('SubtensorModule', 'BlockAtRegistration', netuid, uid) as bigint,
    ),
    alpha_stake: nothing,
    tao_stake: nothing,
    total_stake: nothing,
  };
}

const exists = (state: State, netuid: number): boolean =>
  state.get('SubtensorModule', 'NetworksAdded', netuid) as boolean;

/** `NeuronInfoRuntimeApi.get_neurons_lite`; empty when there is no such subnet. */
export function neuronsLite(state: State, netuid: number) {
  if (!exists(state, netuid)) return [];
  const all = columns(state, netuid);
  const validatorTrust = state.get('SubtensorModule', 'ValidatorTrust', netuid) as number[];
  return all.hotkeys.map((hotkey, uid) => ({
    hotkey,
    coldkey: all.coldkeys[uid],
    uid,
    netuid,
    active: all.active[uid],
    axon_info: ZERO_AXON,
    prometheus_info: ZERO_PROMETHEUS,
    stake: [[all.coldkeys[uid], 0n]],
    rank: 0,
    emission: all.emission[uid],
    incentive: all.incentives[uid],
    consensus: all.consensus[uid],
    trust: 0,
    validator_trust: validatorTrust[uid],
    dividends: all.dividends[uid],
    last_update: all.last_update[uid],
    validator_permit: all.validator_permit[uid],
    pruning_score: 0,
  }));
}

/** `NeuronInfoRuntimeApi.get_neurons`, which SDKs call for `metagraph(lite=False)`. No weights are set here, so there are no bonds. */
export const neurons = (state: State, netuid: number) =>
  neuronsLite(state, netuid).map((neuron) => ({ ...neuron, weights: [], bonds: [] }));

/** `SubnetInfoRuntimeApi.get_subnet_state`. */
export function subnetState(state: State, netuid: number) {
  if (!exists(state, netuid)) return undefined;
  return { netuid, ...columns(state, netuid), emission_history: [] };
}

/** `SubnetInfoRuntimeApi.get_selective_mechagraph`: the fields whose numbers are asked for; there is only mechanism 0. */
export function selectiveMetagraph(state: State, netuid: number, mechanism: number, indexes: number[]) {
  if (!exists(state, netuid) || mechanism !== 0) return undefined;
  const block = state.get('System', 'Number') as number;
  const owner = state.get('SubtensorModule', 'SubnetOwner', netuid) as string;
  const all = columns(state, netuid);
  const known: Record<string, unknown> = {
    ...all,
    netuid,
    name: [...Buffer.from('pt sandbox')],
    symbol: [...Buffer.from('PT')],
    identity: undefined,
    network_registered_at: state.get('SubtensorModule', 'NetworkRegisteredAt', netuid),
    owner_hotkey: state.get('SubtensorModule', 'SubnetOwnerHotkey', netuid),
    owner_coldkey: owner,
    block: BigInt(block),
    tempo: state.get('SubtensorModule', 'Tempo', netuid),
    num_uids: all.hotkeys.length,
    max_uids: state.get('SubtensorModule', 'MaxAllowedUids', netuid),
    burn: state.get('SubtensorModule', 'Burn', netuid),
    moving_price: 0n,
    registration_allowed: true,
    identities: all.hotkeys.map(() => undefined),
    axons: all.hotkeys.map(() => ZERO_AXON),
    tao_dividends_per_hotkey: [],
    alpha_dividends_per_hotkey: [],
  };
  const names = Object.keys(selectiveFields);
  const result: Record<string, unknown> = { netuid };
  for (const index of indexes) {
    const name = names[index];
    if (name !== undefined && name !== 'netuid') result[name] = known[name] ?? zeroOf(selectiveFields[name]!);
  }
  if (indexes.includes(names.length)) result.validators = validatorsOf(all.validator_permit);
  if (indexes.includes(names.length + 1)) result.commitments = [];
  return result;
}

/** `SubnetInfoRuntimeApi.get_metagraph`: all fields. */
export const wholeMetagraph = (state: State, netuid: number) =>
  selectiveMetagraph(state, netuid, 0, [...Object.keys(selectiveFields).keys()]);

const validatorsOf = (permits: boolean[]): number[] =>
  permits.flatMap((permit, uid) => (permit ? [uid] : []));

function zeroOf(type: string): unknown {
  if (type === 'bool') return false;
  if (/u64|u128/.test(type)) return 0n;
  return type.startsWith('Option') ? undefined : 0;
}
