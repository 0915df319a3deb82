import type { TypeTable } from './type-table.ts';

/** Turns `a b c` and a type into named fields. */
const all = (names: string, type: string): Record<string, string> =>
  Object.fromEntries(names.split(/\s+/).map((name) => [name, type]));

/**
 * What the metagraph runtime APIs return, in the field order of the real runtime. The Python SDK decodes these by the metadata and reads
 * the fields by name, so nothing may be missing.
 */
export const selectiveFields: Record<string, string> = {
  netuid: 'Compact<NetUid>',
  name: 'Vec<Compact<u8>>',
  symbol: 'Vec<Compact<u8>>',
  identity: 'Option<SubnetIdentity>',
  network_registered_at: 'Compact<u64>',
  owner_hotkey: 'AccountId32',
  owner_coldkey: 'AccountId32',
  block: 'Compact<u64>',
  tempo: 'Compact<u16>',
  ...all(
    'last_step blocks_since_last_step subnet_emission alpha_in alpha_out tao_in alpha_out_emission alpha_in_emission tao_in_emission pending_alpha_emission pending_root_emission',
    'Compact<u64>',
  ),
  subnet_volume: 'Compact<u128>',
  moving_price: 'FixedI128',
  ...all('rho kappa min_allowed_weights max_weights_limit', 'Compact<u16>'),
  ...all('weights_version weights_rate_limit', 'Compact<u64>'),
  activity_cutoff: 'Compact<u64>',
  ...all('max_validators num_uids max_uids', 'Compact<u16>'),
  ...all('burn difficulty', 'Compact<u64>'),
  ...all('registration_allowed pow_registration_allowed', 'bool'),
  immunity_period: 'Compact<u16>',
  ...all('min_difficulty max_difficulty min_burn max_burn adjustment_alpha', 'Compact<u64>'),
  ...all('adjustment_interval target_regs_per_interval max_regs_per_block', 'Compact<u16>'),
  serving_rate_limit: 'Compact<u64>',
  commit_reveal_weights_enabled: 'bool',
  commit_reveal_period: 'Compact<u64>',
  liquid_alpha_enabled: 'bool',
  ...all('alpha_high alpha_low', 'Compact<u16>'),
  bonds_moving_avg: 'Compact<u64>',
  hotkeys: 'Vec<AccountId32>',
  coldkeys: 'Vec<AccountId32>',
  identities: 'Vec<Option<ChainIdentity>>',
  axons: 'Vec<AxonInfo>',
  active: 'Vec<bool>',
  validator_permit: 'Vec<bool>',
  pruning_score: 'Vec<Compact<u16>>',
  ...all('last_update emission', 'Vec<Compact<u64>>'),
  ...all('dividends incentives consensus trust rank', 'Vec<Compact<u16>>'),
  ...all('block_at_registration alpha_stake tao_stake total_stake', 'Vec<Compact<u64>>'),
  tao_dividends_per_hotkey: 'Vec<(AccountId32,Compact<u64>)>',
  alpha_dividends_per_hotkey: 'Vec<(AccountId32,Compact<u64>)>',
};

const optional = (fields: Record<string, string>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(fields).map(([name, type]) => [name, name === 'netuid' ? type : `Option<${type}>`]),
  );

/** What `NeuronInfo` and `NeuronInfoLite` share. */
const neuronFields = {
  hotkey: 'AccountId32',
  coldkey: 'AccountId32',
  uid: 'Compact<u16>',
  netuid: 'Compact<NetUid>',
  active: 'bool',
  axon_info: 'AxonInfo',
  prometheus_info: 'PrometheusInfo',
  stake: 'Vec<(AccountId32,Compact<u64>)>',
  rank: 'Compact<u16>',
  emission: 'Compact<u64>',
  ...all('incentive consensus trust validator_trust dividends', 'Compact<u16>'),
  last_update: 'Compact<u64>',
  validator_permit: 'bool',
};

export const metagraphTypes: TypeTable = {
  FixedI128: { path: 'substrate_fixed::FixedI128', fields: { bits: 'i128' } },
  SubnetIdentity: {
    path: 'pallet_subtensor::pallet::SubnetIdentityV3',
    fields: all(
      'subnet_name github_repo subnet_contact subnet_url discord description logo_url additional',
      'Vec<u8>',
    ),
  },
  ChainIdentity: {
    path: 'pallet_subtensor::pallet::ChainIdentityV2',
    fields: all('name url github_repo image discord description additional', 'Vec<u8>'),
  },
  AxonInfo: {
    path: 'pallet_subtensor::pallet::AxonInfo',
    fields: {
      block: 'u64',
      version: 'u32',
      ip: 'u128',
      port: 'u16',
      ...all('ip_type protocol placeholder1 placeholder2', 'u8'),
    },
  },
  PrometheusInfo: {
    path: 'pallet_subtensor::pallet::PrometheusInfo',
    fields: { block: 'u64', version: 'u32', ip: 'u128', port: 'u16', ip_type: 'u8' },
  },
  SelectiveMetagraph: {
    path: 'pallet_subtensor::rpc_info::metagraph::SelectiveMetagraph',
    params: { AccountId: 'AccountId32' },
    fields: {
      ...optional(selectiveFields),
      validators: 'Option<Vec<Compact<u16>>>',
      commitments: 'Option<Vec<(AccountId32,Vec<Compact<u8>>)>>',
    },
  },
  Metagraph: {
    path: 'pallet_subtensor::rpc_info::metagraph::Metagraph',
    params: { AccountId: 'AccountId32' },
    fields: selectiveFields,
  },
  SubnetState: {
    path: 'pallet_subtensor::rpc_info::show_subnet::SubnetState',
    params: { AccountId: 'AccountId32' },
    fields: {
      netuid: 'Compact<NetUid>',
      hotkeys: 'Vec<AccountId32>',
      coldkeys: 'Vec<AccountId32>',
      active: 'Vec<bool>',
      validator_permit: 'Vec<bool>',
      pruning_score: 'Vec<Compact<u16>>',
      ...all('last_update emission', 'Vec<Compact<u64>>'),
      ...all('dividends incentives consensus trust rank', 'Vec<Compact<u16>>'),
      ...all('block_at_registration alpha_stake tao_stake total_stake', 'Vec<Compact<u64>>'),
      emission_history: 'Vec<Vec<Compact<u64>>>',
    },
  },
  NeuronInfo: {
    path: 'pallet_subtensor::rpc_info::neuron_info::NeuronInfo',
    params: { AccountId: 'AccountId32' },
    fields: {
      ...neuronFields,
      weights: 'Vec<(Compact<u16>,Compact<u16>)>',
      bonds: 'Vec<(Compact<u16>,Compact<u16>)>',
      pruning_score: 'Compact<u16>',
    },
  },
  NeuronInfoLite: {
    path: 'pallet_subtensor::rpc_info::neuron_info::NeuronInfoLite',
    params: { AccountId: 'AccountId32' },
    fields: { ...neuronFields, pruning_score: 'Compact<u16>' },
  },
};
