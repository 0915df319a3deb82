import type { Secret } from '../secret.ts';

/** A hotkey opened for signing. The private half stays inside the object that made it. */
export interface Hotkey {
  name: string;
  /** SS58 address, prefix 42. */
  ss58: string;
  publicKey: Uint8Array;
  /** sr25519 or ed25519 signature of `message`, 64 bytes. */
  sign(message: Uint8Array): Uint8Array;
  cryptoType: 'sr25519' | 'ed25519';
}

export interface HotkeyFile {
  wallet: string;
  hotkey: string;
  file: string;
  /** From the file when it is plain, else from the `…pub.txt` beside it; null when neither tells. */
  ss58: string | null;
  /** The address in the file is not its public key's; it is not believed, and `ss58` is null. */
  addressDiffers: boolean;
  encryption: 'none' | 'nacl' | 'ansible' | 'fernet';
  cryptoType: 'sr25519' | 'ed25519' | null;
  worldReadable: boolean;
}

export interface WalletLocation {
  /** Folder of wallets, `~` already resolved. */
  path: string;
  name: string;
  hotkey: string;
}

export type PasswordSource = () => Promise<Secret | null>;

/** What is on chain for one hotkey. `text` is untrusted; null when the fields are not one raw byte string of UTF-8. */
export interface Commitment {
  block: number;
  text: string | null;
}

/** One field of a commitment. Everything in it is untrusted. */
export type DataField =
  /** `RawN` or `BigRaw`; `text` is null when it is no UTF-8. */
  | { kind: 'raw'; bytes: Uint8Array; text: string | null }
  /** Waits for a round of the beacon; or could not be opened at its round, for good. */
  | { kind: 'sealed' | 'failed'; encrypted: Uint8Array; round: number }
  /** A hash, a flag, or a form that is not known here. */
  | { kind: 'other'; name: string };

/** What the chain opened, with the block at which it did. */
export interface RevealedBytes {
  bytes: Uint8Array;
  block: number;
}

/** All that the commitments pallet holds of one hotkey. */
export interface StoredCommitments {
  /** What stands now; null when there is none, or the chain opened all of it. */
  entry: (Commitment & { fields: DataField[] }) | null;
  /** The newest ten, oldest first. */
  revealed: RevealedBytes[];
  /** Block of the newest commitment, also when nothing of it stands any more. */
  lastBlock: number | null;
}

/** The commitments pallet of one subnet. */
export interface CommitmentStore {
  /** By hotkey (SS58). */
  entries: ReadonlyMap<string, StoredCommitments>;
  /** Rounds of the beacon whose signatures the chain has: none of this says what is still to come. Null: the runtime has no beacon. */
  beacon: { newest: number; oldest: number } | null;
}

/** The chain's beacon, and its clock. */
export interface ChainBeacon {
  /** Hex. */
  public_key: string;
  /** Seconds. */
  genesis: number;
  period: number;
  /** The newest block's time, Unix seconds. */
  now: number;
}

export interface Neuron {
  uid: number;
  hotkey: string;
  /** 0..1, of the neuron's share. */
  incentive: number;
  validatorPermit: boolean;
  active: boolean;
}

/** What the chain lets a hotkey write now. All counts are in the chain's own units. */
export interface CommitLimit {
  /** `space`: bytes an epoch (newer runtimes); `blocks`: one commitment every N blocks (older). */
  kind: 'space' | 'blocks' | 'none';
  allowed: boolean;
  /** Bytes used and allowed this epoch (kind `space`); blocks since the last one and blocks needed (kind `blocks`). */
  used: number;
  max: number;
  /** Block at which a commitment of this size is possible; the current block when it is now. */
  freeAtBlock: number;
}

export interface CommitReceipt {
  block: number;
  blockHash: string;
  /** Empty when the text was on chain already and the node no longer has that block. */
  extrinsicHash: string;
}

/** A sealed text, as the chain's field takes it. */
export interface Seal {
  encrypted: Uint8Array;
  round: number;
}

export interface CommitRequest {
  netuid: number;
  text: string;
  /** What is sent in the place of the text. */
  seal?: Seal | null;
  hotkey: Hotkey;
  /** The commitment that this one is to replace, as the caller knows it; a newer one is never replaced. Left out: the one found at first. */
  standing?: Commitment | null;
  /** Called with the extrinsic's hash before it is sent, so that a journal can hold it. */
  beforeSend?: (extrinsicHash: string) => Promise<void> | void;
  signal?: AbortSignal;
}

/** One connection to one chain. Every method throws `OutsideError` (exit 5) when the chain cannot be reached, never waits for ever. */
export interface Chain {
  readonly endpoint: string;
  readonly genesisHash: string;
  readonly specVersion: number;
  readonly chainName: string;
  /** Time between blocks as the runtime states it, in milliseconds. */
  readonly blockTimeMs: number;
  /** WebSocket frames since the connection was opened, over all reconnects. */
  readonly frames: { sent: number; received: number };
  /** Best block number. */
  block(): Promise<number>;
  /** Whether the subnet exists. */
  subnetExists(netuid: number): Promise<boolean>;
  /** uid of a hotkey on a subnet; null when it is not registered. */
  uidOf(netuid: number, hotkey: string): Promise<number | null>;
  /** SS58 address of the coldkey that owns a hotkey; null: nobody does. */
  ownerOf(hotkey: string): Promise<string | null>;
  neurons(netuid: number): Promise<Neuron[]>;
  commitment(netuid: number, hotkey: string): Promise<Commitment | null>;
  /** Every commitment of a subnet by hotkey (SS58), in a handful of round trips. */
  commitments(netuid: number): Promise<Map<string, Commitment>>;
  /** All that the commitments pallet holds of a subnet, in the same round trips. */
  store(netuid: number): Promise<CommitmentStore>;
  /** The same of one hotkey. */
  storeOf(netuid: number, hotkey: string): Promise<StoredCommitments & Pick<CommitmentStore, 'beacon'>>;
  /** What seals wait for; null where the runtime has no beacon. */
  beacon(): Promise<ChainBeacon | null>;
  /** The beacon's rounds as the chain knew them in an earlier block; null: no beacon, or the node keeps nothing of that block. */
  roundsAt(block: number): Promise<CommitmentStore['beacon']>;
  commitLimit(netuid: number, hotkey: string, bytes: number): Promise<CommitLimit>;
  /**
   * Signs, sends and waits until the extrinsic is in a block and succeeded; dispatch errors come back by name.
   *
   * Exactly once across restarts (the journal of `publish` relies on it): the nonce is the account's in the best block's
   * **state**, never the pool's next index, and is read *before* the commitment is read again; when the chain already holds
   * `text`, nothing is sent and the receipt names its block with empty hashes. When it holds a newer one than `standing`, nothing is signed
   * and `commitment.replaced` names it. So a second call with the same text can only
   * replace or collide with a first one still in the pool (1013 already imported, 1014 priority too low, stale nonce: wait and re-read).
   */
  commit(request: CommitRequest): Promise<CommitReceipt>;
  /** Resolves at the next block whose number is >= `block`. Yields nothing; poll `block()` for progress. */
  waitForBlock(block: number, signal?: AbortSignal): Promise<number>;
  close(): Promise<void>;
}

export interface ConnectOptions {
  /** Tried in order. */
  endpoints: string[];
  /** Folder for cached runtime metadata, bound to chain, runtime version and endpoint. */
  cacheDir?: string;
  /** Longest wait for one answer, and for reconnecting after a drop; three times that for a node that says it is busy. Default 20 s. */
  timeoutMs?: number;
  /** Longest time without a new block before a wait for the chain is given up. Default 90 s. */
  stallMs?: number;
  /** Refuse any endpoint that is not on this machine (`--offline`). */
  loopbackOnly?: boolean;
}
