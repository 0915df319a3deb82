import { compact } from '@polkadot-api/substrate-bindings';
import { toHex } from './bytes.ts';
import type { Fields, Variant } from './type-table.ts';

/**
 * `current`: spec 424, space per epoch and a `NetUid` newtype. `old`: spec 218 (2025-02), `u16` and one commitment every 100 blocks. `opaque`: spec
 * 152, the mainnet's when release 3.2.0 came (2024-06-18): neurons are answered as bytes in bytes, and there is no `CheckMetadataHash`. `next`: spec
 * 446, which keeps what it could not open, and says so.
 */
export type RuntimeShape = 'current' | 'old' | 'opaque' | 'next';

/** Whether commitments are limited by blocks, and a netuid is a bare number. */
export const isOld = (shape: RuntimeShape): boolean => shape === 'old' || shape === 'opaque';

export interface StorageItem {
  /** Value type. */
  value: string;
  /** Key types with their hashers; none for a plain value. */
  keys?: [hasher: Hasher, type: string][];
  /** Hex of the default; without one the item is optional. */
  fallback?: string;
}

export type Hasher = 'Identity' | 'Blake2128Concat' | 'Twox64Concat';

export interface Pallet {
  name: string;
  index: number;
  storage: Record<string, StorageItem>;
  calls: Record<string, Variant>;
  events: Record<string, Fields>;
  errors: Record<string, string>;
  constants: Record<string, { type: string; value: unknown }>;
}

export const specVersion: Record<RuntimeShape, number> = { current: 424, old: 218, opaque: 152, next: 446 };
export const SPECS: readonly number[] = Object.values(specVersion);
/** The shape of one of `SPECS`. */
export const shapeOf = (spec: number): RuntimeShape =>
  (Object.keys(specVersion) as RuntimeShape[]).find((shape) => specVersion[shape] === spec) ?? 'current';

const zeros = (bytes: number): string => `0x${'00'.repeat(bytes)}`;

/** The beacon that seals wait for on the real chains. */
export const QUICKNET = {
  hash: '52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971',
  public_key:
    '83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a',
  genesis: 1_692_803_367,
  period: 3,
};

/** SCALE of a beacon's configuration. */
export function beaconConfig({ public_key, period, genesis, hash }: typeof QUICKNET): string {
  const numbers = Buffer.alloc(8);
  numbers.writeUInt32LE(period, 0);
  numbers.writeUInt32LE(genesis, 4);
  const bytes = (hex: string) => Buffer.concat([compact.enc(hex.length / 2), Buffer.from(hex, 'hex')]);
  const word = (text: string) => bytes(Buffer.from(text).toString('hex'));
  return toHex(
    Buffer.concat([
      bytes(public_key),
      numbers,
      bytes(hash),
      bytes(hash),
      word('bls-unchained-g1-rfc9380'),
      word('quicknet'),
    ]),
  );
}

/** The pallets that a miner's clients touch, with the storage, calls, events and errors of the real ones. */
export function pallets(shape: RuntimeShape, blockTimeMs: number): Pallet[] {
  const ofNeuron = (value: string): StorageItem => ({
    value,
    keys: [
      ['Identity', 'u16'],
      ['Identity', 'u16'],
    ],
    fallback: '0x00',
  });
  const perNetuid = (value: string, fallback: string): StorageItem => ({
    value,
    keys: [['Identity', 'NetUid']],
    fallback,
  });
  const perHotkey = (value: string): StorageItem => ({
    value,
    keys: [
      ['Identity', 'NetUid'],
      ['Twox64Concat', 'AccountId32'],
    ],
  });
  return [
    {
      name: 'System',
      index: 0,
      storage: {
        Account: {
          value: 'AccountInfo',
          keys: [['Blake2128Concat', 'AccountId32']],
          fallback: `${zeros(16 + 24)}${'00'.repeat(15)}80`,
        },
        Number: { value: 'u32', fallback: zeros(4) },
        BlockHash: { value: 'H256', keys: [['Twox64Concat', 'u32']], fallback: zeros(32) },
        Events: { value: 'Vec<EventRecord>', fallback: '0x00' },
      },
      calls: {
        remark: {
          index: 0,
          fields: { remark: 'Vec<u8>' },
          docs: ['Leave a note on chain; nothing is stored.'],
        },
      },
      events: {
        ExtrinsicSuccess: { dispatch_info: 'DispatchInfo' },
        ExtrinsicFailed: { dispatch_error: 'DispatchError', dispatch_info: 'DispatchInfo' },
      },
      errors: { CallFiltered: 'The origin filter prevented the call to be dispatched.' },
      constants: {
        BlockHashCount: { type: 'u32', value: 256 },
        SS58Prefix: { type: 'u16', value: 42 },
        BlockWeights: { type: 'BlockWeights', value: blockWeights },
        BlockLength: {
          type: 'BlockLength',
          value: { max: { normal: 3932160, operational: 5242880, mandatory: 5242880 } },
        },
        Version: { type: 'RuntimeVersion', value: null },
      },
    },
    {
      name: 'Timestamp',
      index: 2,
      storage: { Now: { value: 'u64', fallback: zeros(8) } },
      calls: {
        set: { index: 0, fields: { now: 'Compact<u64>' }, docs: ['The time of the block, in milliseconds.'] },
      },
      events: {},
      errors: {},
      constants: {
        MinimumPeriod: { type: 'u64', value: BigInt(Math.max(1, Math.round(blockTimeMs / 2))) },
      },
    },
    {
      name: 'Balances',
      index: 5,
      storage: { TotalIssuance: { value: 'u64', fallback: zeros(8) } },
      calls: {},
      events: { Withdraw: { who: 'AccountId32', amount: 'u64' } },
      errors: { InsufficientBalance: 'Balance too low to send value.' },
      constants: { ExistentialDeposit: { type: 'u64', value: 500n } },
    },
    {
      name: 'SubtensorModule',
      index: 7,
      storage: {
        Owner: { value: 'AccountId32', keys: [['Blake2128Concat', 'AccountId32']], fallback: zeros(32) },
        TotalNetworks: { value: 'u16', fallback: '0x0000' },
        NetworksAdded: perNetuid('bool', '0x00'),
        NetworkRegisteredAt: perNetuid('u64', zeros(8)),
        SubnetOwner: perNetuid('AccountId32', zeros(32)),
        SubnetOwnerHotkey: perNetuid('AccountId32', zeros(32)),
        TokenSymbol: perNetuid('Vec<u8>', '0x085054'),
        SubnetworkN: perNetuid('u16', '0x0000'),
        MaxAllowedUids: perNetuid('u16', '0x0001'),
        Tempo: perNetuid('u16', '0x6801'),
        Burn: perNetuid('u64', '0x00e1f50500000000'),
        Uids: {
          value: 'u16',
          keys: [
            ['Identity', 'NetUid'],
            ['Blake2128Concat', 'AccountId32'],
          ],
        },
        Keys: {
          value: 'AccountId32',
          keys: [
            ['Identity', 'NetUid'],
            ['Identity', 'u16'],
          ],
          fallback: zeros(32),
        },
        IsNetworkMember: {
          value: 'bool',
          keys: [
            ['Blake2128Concat', 'AccountId32'],
            ['Identity', 'NetUid'],
          ],
          fallback: '0x00',
        },
        BlockAtRegistration: {
          value: 'u64',
          keys: [
            ['Identity', 'NetUid'],
            ['Identity', 'u16'],
          ],
          fallback: zeros(8),
        },
        // Which SDKs before 9 read beside the neurons. Nobody sets weights here.
        ...(shape === 'opaque'
          ? { Weights: ofNeuron('Vec<(u16,u16)>'), Bonds: ofNeuron('Vec<(u16,u16)>') }
          : {}),
        Active: perNetuid('Vec<bool>', '0x00'),
        Incentive: perNetuid('Vec<u16>', '0x00'),
        Consensus: perNetuid('Vec<u16>', '0x00'),
        Dividends: perNetuid('Vec<u16>', '0x00'),
        ValidatorTrust: perNetuid('Vec<u16>', '0x00'),
        ValidatorPermit: perNetuid('Vec<bool>', '0x00'),
        Emission: perNetuid('Vec<u64>', '0x00'),
        LastUpdate: perNetuid('Vec<u64>', '0x00'),
      },
      calls: {
        burned_register: {
          index: 7,
          fields: { netuid: 'NetUid', hotkey: 'AccountId32' },
          docs: ['Register a hotkey by burning balance of the signing coldkey.'],
        },
      },
      events: { NeuronRegistered: ['NetUid', 'u16', 'AccountId32'] },
      errors: {
        SubnetNotExists: 'The subnet does not exist.',
        HotKeyAlreadyRegisteredInSubNet: 'The hotkey is already registered on the subnet.',
        NotEnoughBalanceToStake: 'The coldkey has not enough balance.',
        TooManyRegistrationsThisBlock: 'No free uid is left on the subnet.',
      },
      constants: { InitialTempo: { type: 'u16', value: 360 } },
    },
    {
      name: 'Commitments',
      index: 18,
      storage: {
        CommitmentOf: perHotkey('Registration'),
        LastCommitment: perHotkey('u32'),
        RevealedCommitments: perHotkey('Vec<(Vec<u8>,u64)>'),
        TimelockedIndex: { value: 'Vec<(NetUid,AccountId32)>', fallback: '0x00' },
        ...(!isOld(shape)
          ? { UsedSpaceOf: perHotkey('UsageTracker'), MaxSpace: { value: 'u32', fallback: '0x1c0c0000' } }
          : { RateLimit: { value: 'u32', fallback: '0x64000000' } }),
      },
      calls: {
        set_commitment: {
          index: 0,
          fields: { netuid: 'NetUid', info: 'CommitmentInfo' },
          docs: ['Set the commitment for a given netuid'],
        },
      },
      events: {
        Commitment: { netuid: 'NetUid', who: 'AccountId32' },
        TimelockCommitment: { netuid: 'NetUid', who: 'AccountId32', reveal_round: 'u64' },
        CommitmentRevealed: { netuid: 'NetUid', who: 'AccountId32' },
        ...(shape === 'next'
          ? {
              CommitmentRevealFailed: {
                netuid: 'NetUid',
                who: 'AccountId32',
                reveal_round: 'u64',
                error: 'RevealFailure',
              },
            }
          : {}),
      },
      errors: {
        TooManyFieldsInCommitmentInfo: 'Account passed too many additional fields to their commitment',
        AccountNotAllowedCommit: 'Account is not allowed to make commitments to the chain',
        ...(!isOld(shape)
          ? {
              SpaceLimitExceeded: 'Space Limit Exceeded for the current interval',
              UnexpectedUnreserveLeftover: 'Unreserve returned leftover',
              ...(shape === 'next'
                ? { TimelockRevealFailedNotAllowed: 'Only the runtime may store a seal that failed' }
                : {}),
            }
          : {
              CommitmentSetRateLimitExceeded:
                'Account is trying to commit data too fast, rate limit exceeded',
            }),
      },
      constants: {
        MaxFields: { type: 'u32', value: isOld(shape) ? 1 : 3 },
        InitialDeposit: { type: 'u64', value: 0n },
        FieldDeposit: { type: 'u64', value: 0n },
        ...(isOld(shape) ? { DefaultRateLimit: { type: 'u32', value: 100 } } : {}),
      },
    },
    {
      name: 'Drand',
      index: 26,
      storage: {
        BeaconConfig: { value: 'BeaconConfiguration', fallback: beaconConfig(QUICKNET) },
        Pulses: { value: 'Pulse', keys: [['Blake2128Concat', 'u64']] },
        LastStoredRound: { value: 'u64', fallback: zeros(8) },
        OldestStoredRound: { value: 'u64', fallback: zeros(8) },
      },
      calls: {},
      events: { NewPulse: { rounds: 'Vec<u64>' } },
      errors: { DrandConnectionFailure: 'The beacon could not be reached.' },
      constants: {},
    },
  ];
}

const weight = { ref_time: 2_000_000_000_000n, proof_size: 1n << 62n };
const perClass = {
  base_extrinsic: { ref_time: 100_000_000n, proof_size: 0n },
  max_extrinsic: weight,
  max_total: weight,
  reserved: undefined,
};
const blockWeights = {
  base_block: { ref_time: 400_000_000n, proof_size: 0n },
  max_block: weight,
  per_class: { normal: perClass, operational: perClass, mandatory: perClass },
};

type RuntimeApis = Record<string, Record<string, { inputs: Record<string, string>; output: string }>>;

/** Runtime APIs: api -> method -> inputs and output. */
const runtimeApis: RuntimeApis = {
  Core: { version: { inputs: {}, output: 'RuntimeVersion' } },
  Metadata: {
    metadata: { inputs: {}, output: 'OpaqueMetadata' },
    metadata_at_version: { inputs: { version: 'u32' }, output: 'Option<OpaqueMetadata>' },
    metadata_versions: { inputs: {}, output: 'Vec<u32>' },
  },
  AccountNonceApi: { account_nonce: { inputs: { account: 'AccountId32' }, output: 'u32' } },
  TransactionPaymentApi: {
    query_info: { inputs: { uxt: 'UncheckedExtrinsic', len: 'u32' }, output: 'RuntimeDispatchInfo' },
  },
  NeuronInfoRuntimeApi: {
    get_neurons: { inputs: { netuid: 'NetUid' }, output: 'Vec<NeuronInfo>' },
    get_neuron: { inputs: { netuid: 'NetUid', uid: 'u16' }, output: 'Option<NeuronInfo>' },
    get_neurons_lite: { inputs: { netuid: 'NetUid' }, output: 'Vec<NeuronInfoLite>' },
    get_neuron_lite: { inputs: { netuid: 'NetUid', uid: 'u16' }, output: 'Option<NeuronInfoLite>' },
  },
  SubnetRegistrationRuntimeApi: { get_network_registration_cost: { inputs: {}, output: 'u64' } },
  SubnetInfoRuntimeApi: {
    get_subnet_state: { inputs: { netuid: 'NetUid' }, output: 'Option<SubnetState>' },
    get_metagraph: { inputs: { netuid: 'NetUid' }, output: 'Option<Metagraph>' },
    get_selective_metagraph: {
      inputs: { netuid: 'NetUid', metagraph_indexes: 'Vec<u16>' },
      output: 'Option<SelectiveMetagraph>',
    },
    get_selective_mechagraph: {
      inputs: { netuid: 'NetUid', subid: 'u8', metagraph_indexes: 'Vec<u16>' },
      output: 'Option<SelectiveMetagraph>',
    },
  },
};

export function runtimeApisOf(shape: RuntimeShape): RuntimeApis {
  if (shape !== 'opaque') return runtimeApis;
  const { NeuronInfoRuntimeApi: neurons, SubnetInfoRuntimeApi: _, ...rest } = runtimeApis;
  const answers = Object.entries(neurons!).map(([name, { inputs }]) => [name, { inputs, output: 'Vec<u8>' }]);
  return { ...rest, NeuronInfoRuntimeApi: Object.fromEntries(answers) };
}

export const signedExtensionsOf = (shape: RuntimeShape) =>
  signedExtensions.filter(([name]) => shape !== 'opaque' || name !== 'CheckMetadataHash');

/** Signed extensions in the order of the real runtime: what each puts into the extrinsic and what it only signs. */
const signedExtensions: [name: string, extra: string, additional: string][] = [
  ['CheckNonZeroSender', 'CheckNonZeroSender', '()'],
  ['CheckSpecVersion', 'CheckSpecVersion', 'u32'],
  ['CheckTxVersion', 'CheckTxVersion', 'u32'],
  ['CheckGenesis', 'CheckGenesis', 'H256'],
  ['CheckMortality', 'CheckMortality', 'H256'],
  ['CheckNonce', 'CheckNonce', '()'],
  ['CheckWeight', 'CheckWeight', '()'],
  ['ChargeTransactionPayment', 'ChargeTransactionPayment', '()'],
  ['SubtensorTransactionExtension', 'SubtensorTransactionExtension', '()'],
  ['CheckMetadataHash', 'CheckMetadataHash', 'Option<[u8;32]>'],
];
