/**
 * The types of the sandbox's runtime, by hand: what `metadata.ts` turns into the numbered lookup that every Substrate client reads.
 *
 * A type is written as text: `u8`, `Vec<T>`, `[T;N]`, `Compact<T>`, `(A,B)`, `Option<T>`, or the name of a definition here. A definition
 * is a composite (`fields`: named or positional) or an enum (`variants`: name -> fields, in index order). Paths matter: clients look
 * types up by them (AccountId32, Era, DispatchError, RuntimeEvent …).
 */
export type Fields = Record<string, string> | string[];

export interface TypeDefinition {
  /** `a::b::C` */
  path: string;
  /** Generic parameters, name -> type text. */
  params?: Record<string, string>;
  fields?: Fields;
  /** Fields of each variant; a `Variant` when it needs an index or documentation of its own. */
  variants?: Record<string, Fields | Variant>;
}

export interface Variant {
  index: number;
  fields: Fields;
  docs: string[];
}

export type TypeTable = Record<string, TypeDefinition>;

const range = (n: number): number[] => [...Array(n).keys()];

/** `Data` of the commitments pallet: `None`, `Raw0` … `Raw128` (index N + 1), hashes, a seal, a flag, longer bytes. */
export const dataVariants: Record<string, Fields> = {
  None: [],
  ...Object.fromEntries(range(129).map((n) => [`Raw${n}`, [`[u8;${n}]`]])),
  BlakeTwo256: ['[u8;32]'],
  Sha256: ['[u8;32]'],
  Keccak256: ['[u8;32]'],
  ShaThree256: ['[u8;32]'],
  TimelockEncrypted: { encrypted: 'Vec<u8>', reveal_round: 'u64' },
  ResetBondsFlag: [],
  BigRaw: ['Vec<u8>'],
};

/** Mortal eras 1 … 255 carry the second byte of the encoding. */
const eraVariants: Record<string, Fields> = {
  Immortal: [],
  ...Object.fromEntries(range(255).map((n) => [`Mortal${n + 1}`, ['u8']])),
};

/** Types that do not depend on the runtime's shape. */
export const baseTypes: TypeTable = {
  AccountId32: { path: 'sp_core::crypto::AccountId32', fields: ['[u8;32]'] },
  H256: { path: 'primitive_types::H256', fields: ['[u8;32]'] },
  Era: { path: 'sp_runtime::generic::era::Era', variants: eraVariants },
  MultiAddress: {
    path: 'sp_runtime::multiaddress::MultiAddress',
    params: { AccountId: 'AccountId32', AccountIndex: '()' },
    variants: {
      Id: ['AccountId32'],
      Index: ['Compact<()>'],
      Raw: ['Vec<u8>'],
      Address32: ['[u8;32]'],
      Address20: ['[u8;20]'],
    },
  },
  MultiSignature: {
    path: 'sp_runtime::MultiSignature',
    variants: { Ed25519: ['[u8;64]'], Sr25519: ['[u8;64]'], Ecdsa: ['[u8;65]'] },
  },
  Weight: {
    path: 'sp_weights::weight_v2::Weight',
    fields: { ref_time: 'Compact<u64>', proof_size: 'Compact<u64>' },
  },
  PerDispatchClass: {
    path: 'frame_support::dispatch::PerDispatchClass',
    params: { T: 'Weight' },
    fields: { normal: 'Weight', operational: 'Weight', mandatory: 'Weight' },
  },
  DispatchClass: {
    path: 'frame_support::dispatch::DispatchClass',
    variants: { Normal: [], Operational: [], Mandatory: [] },
  },
  Pays: { path: 'frame_support::dispatch::Pays', variants: { Yes: [], No: [] } },
  DispatchInfo: {
    path: 'frame_system::DispatchEventInfo',
    fields: { weight: 'Weight', class: 'DispatchClass', pays_fee: 'Pays' },
  },
  ModuleError: { path: 'sp_runtime::ModuleError', fields: { index: 'u8', error: '[u8;4]' } },
  TokenError: {
    path: 'sp_runtime::TokenError',
    variants: {
      FundsUnavailable: [],
      OnlyProvider: [],
      BelowMinimum: [],
      CannotCreate: [],
      UnknownAsset: [],
      Frozen: [],
      Unsupported: [],
      CannotCreateHold: [],
      NotExpendable: [],
      Blocked: [],
    },
  },
  ArithmeticError: {
    path: 'sp_arithmetic::ArithmeticError',
    variants: { Underflow: [], Overflow: [], DivisionByZero: [] },
  },
  TransactionalError: {
    path: 'sp_runtime::TransactionalError',
    variants: { LimitReached: [], NoLayer: [] },
  },
  DispatchError: {
    path: 'sp_runtime::DispatchError',
    variants: {
      Other: [],
      CannotLookup: [],
      BadOrigin: [],
      Module: ['ModuleError'],
      ConsumerRemaining: [],
      NoProviders: [],
      TooManyConsumers: [],
      Token: ['TokenError'],
      Arithmetic: ['ArithmeticError'],
      Transactional: ['TransactionalError'],
      Exhausted: [],
      Corruption: [],
      Unavailable: [],
      RootNotAllowed: [],
    },
  },
  Phase: {
    path: 'frame_system::Phase',
    variants: { ApplyExtrinsic: ['u32'], Finalization: [], Initialization: [] },
  },
  EventRecord: {
    path: 'frame_system::EventRecord',
    params: { E: 'RuntimeEvent', T: 'H256' },
    fields: { phase: 'Phase', event: 'RuntimeEvent', topics: 'Vec<H256>' },
  },
  ExtraFlags: { path: 'pallet_balances::types::ExtraFlags', fields: ['u128'] },
  AccountData: {
    path: 'pallet_balances::types::AccountData',
    params: { Balance: 'u64' },
    fields: { free: 'u64', reserved: 'u64', frozen: 'u64', flags: 'ExtraFlags' },
  },
  AccountInfo: {
    path: 'frame_system::AccountInfo',
    params: { Nonce: 'u32', AccountData: 'AccountData' },
    fields: { nonce: 'u32', consumers: 'u32', providers: 'u32', sufficients: 'u32', data: 'AccountData' },
  },
  RuntimeVersion: {
    path: 'sp_version::RuntimeVersion',
    fields: {
      spec_name: 'str',
      impl_name: 'str',
      authoring_version: 'u32',
      spec_version: 'u32',
      impl_version: 'u32',
      apis: 'Vec<([u8;8],u32)>',
      transaction_version: 'u32',
      system_version: 'u8',
    },
  },
  BlockLength: { path: 'frame_system::limits::BlockLength', fields: { max: 'LengthPerClass' } },
  LengthPerClass: {
    path: 'frame_support::dispatch::PerDispatchClass',
    params: { T: 'u32' },
    fields: { normal: 'u32', operational: 'u32', mandatory: 'u32' },
  },
  WeightsPerClass: {
    path: 'frame_system::limits::WeightsPerClass',
    fields: {
      base_extrinsic: 'Weight',
      max_extrinsic: 'Option<Weight>',
      max_total: 'Option<Weight>',
      reserved: 'Option<Weight>',
    },
  },
  WeightsOfClasses: {
    path: 'frame_support::dispatch::PerDispatchClass',
    params: { T: 'WeightsPerClass' },
    fields: { normal: 'WeightsPerClass', operational: 'WeightsPerClass', mandatory: 'WeightsPerClass' },
  },
  BlockWeights: {
    path: 'frame_system::limits::BlockWeights',
    fields: {
      base_block: 'Weight',
      max_block: 'Weight',
      per_class: 'WeightsOfClasses',
    },
  },
  UncheckedExtrinsic: {
    path: 'sp_runtime::generic::unchecked_extrinsic::UncheckedExtrinsic',
    params: { Address: 'MultiAddress', Call: 'RuntimeCall', Signature: 'MultiSignature', Extra: 'Extra' },
    fields: ['Vec<u8>'],
  },
  OpaqueMetadata: { path: 'sp_core::OpaqueMetadata', fields: ['Vec<u8>'] },
  RuntimeDispatchInfo: {
    path: 'pallet_transaction_payment::types::RuntimeDispatchInfo',
    params: { Balance: 'u64', Weight: 'Weight' },
    fields: { weight: 'Weight', class: 'DispatchClass', partial_fee: 'u64' },
  },
  CheckNonZeroSender: {
    path: 'frame_system::extensions::check_non_zero_sender::CheckNonZeroSender',
    fields: [],
  },
  CheckSpecVersion: { path: 'frame_system::extensions::check_spec_version::CheckSpecVersion', fields: [] },
  CheckTxVersion: { path: 'frame_system::extensions::check_tx_version::CheckTxVersion', fields: [] },
  CheckGenesis: { path: 'frame_system::extensions::check_genesis::CheckGenesis', fields: [] },
  CheckMortality: { path: 'frame_system::extensions::check_mortality::CheckMortality', fields: ['Era'] },
  CheckNonce: { path: 'frame_system::extensions::check_nonce::CheckNonce', fields: ['Compact<u32>'] },
  CheckWeight: { path: 'frame_system::extensions::check_weight::CheckWeight', fields: [] },
  ChargeTransactionPayment: {
    path: 'pallet_transaction_payment::ChargeTransactionPayment',
    fields: ['Compact<u64>'],
  },
  SubtensorTransactionExtension: {
    path: 'pallet_subtensor::extensions::subtensor::SubtensorTransactionExtension',
    fields: [],
  },
  CheckMetadataHashMode: {
    path: 'frame_metadata_hash_extension::Mode',
    variants: { Disabled: [], Enabled: [] },
  },
  CheckMetadataHash: {
    path: 'frame_metadata_hash_extension::CheckMetadataHash',
    fields: { mode: 'CheckMetadataHashMode' },
  },
  NetUid: { path: 'subtensor_runtime_common::NetUid', fields: ['u16'] },
  Data: { path: 'pallet_commitments::types::Data', variants: dataVariants },
  BoundedFields: {
    path: 'bounded_collections::bounded_vec::BoundedVec',
    params: { T: 'Data', S: '' },
    fields: ['Vec<Data>'],
  },
  CommitmentInfo: {
    path: 'pallet_commitments::types::CommitmentInfo',
    params: { FieldLimit: '' },
    fields: { fields: 'BoundedFields' },
  },
  Registration: {
    path: 'pallet_commitments::types::Registration',
    params: { Balance: 'u64', MaxFields: '', BlockNumber: 'u32' },
    fields: { deposit: 'u64', block: 'u32', info: 'CommitmentInfo' },
  },
  Pulse: {
    path: 'pallet_drand::types::Pulse',
    fields: { round: 'u64', randomness: 'Vec<u8>', signature: 'Vec<u8>' },
  },
  BeaconConfiguration: {
    path: 'pallet_drand::types::BeaconConfiguration',
    fields: {
      public_key: 'Vec<u8>',
      period: 'u32',
      genesis_time: 'u32',
      hash: 'Vec<u8>',
      group_hash: 'Vec<u8>',
      scheme_id: 'Vec<u8>',
      metadata: 'BeaconMetadata',
    },
  },
  BeaconMetadata: { path: 'pallet_drand::types::Metadata', fields: { beacon_id: 'Vec<u8>' } },
  UsageTracker: {
    path: 'pallet_commitments::types::UsageTracker',
    fields: { last_epoch: 'u64', used_space: 'u64' },
  },
};
