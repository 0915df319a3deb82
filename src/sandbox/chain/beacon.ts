/**
 * Seals in the sandbox: kept, opened, failed and lost as the pallet does. The beacon is shifted: whenever a seal is made, the round is 1000, whose
 * signature is published, and the chain learns of that round a few blocks after. That is no beacon's pace, and `pt sandbox start` says so.
 */

import { openable } from '../../rules/seal.ts';
import { toHex } from './bytes.ts';
import type { DataField, PalletEvent } from './dispatch.ts';
import { beaconConfig, QUICKNET, type RuntimeShape } from './pallets.ts';
import type { State } from './state.ts';

/** Opens an inner ciphertext with a round's signature: what it holds, or why it cannot be. */
export type Opener = (seal: {
  encrypted: Uint8Array;
  round: number;
  signature: string;
}) => Promise<{ plaintext: Uint8Array } | { error: string }>;

/** The round that every seal waits for here. */
export const ROUND = 1000;
/** So long that a moment of the next days falls into this round, whatever the distance of a profile. */
const PERIOD = 1_000_000;
/** So that a clock that is wrong by hours still falls into it. */
const A_DAY = 86_400;
const KEPT_REVEALS = 10;
/** So long that a seal made seconds before the round is due, for twenty blocks of 12 s, still falls into it. */
const SHORT_PERIOD = 200;
/** Rounds that the chain seems to lack while the beacon is late. */
const LATE = 100;
/** Rounds for which the pallet keeps signatures. */
const KEPT_ROUNDS = 216_000;

export interface BeaconOptions {
  opener: Opener;
  signature: string;
  /** Blocks from a commitment to the round that opens it. */
  revealBlocks: number;
}

export interface BeaconFaults {
  /** The round does not come. */
  late: boolean;
  /** Every seal turns out not to open. */
  broken: boolean;
  /** The round is out before a seal comes. */
  out: boolean;
  /** And its signature is kept no more. */
  expired: boolean;
  /** Unix seconds at which the round is out; null: as soon as a seal is old enough. */
  dueAt: number | null;
}

export interface SandboxBeacon {
  /** Shifts the beacon's genesis, once for a chain that starts. */
  begin(state: State): void;
  /** What happens at the beginning of a block. */
  open(state: State, block: number): PalletEvent[];
}

export function createBeacon(
  shape: RuntimeShape,
  { opener, signature, revealBlocks }: BeaconOptions,
  faults: BeaconFaults,
): SandboxBeacon {
  const answers = new Map<string, { plaintext: Uint8Array } | { error: string } | 'waiting'>();

  /** Asked beside the blocks; null until it is known. */
  const answerOf = (encrypted: Uint8Array): { plaintext: Uint8Array } | { error: string } | null => {
    const id = toHex(encrypted);
    const known = answers.get(id);
    if (known !== undefined) return known === 'waiting' ? null : known;
    const inner = openable(encrypted, shape === 'next' ? 'new' : 'old');
    if (inner === null) {
      answers.set(id, { error: 'CiphertextDeserialize' });
      return answers.get(id) as { error: string };
    }
    answers.set(id, 'waiting');
    opener({ encrypted: inner, round: ROUND, signature }).then(
      (answer) => answers.set(id, 'error' in answer ? { error: 'Decrypt' } : answer),
      () => answers.delete(id),
    );
    return null;
  };

  const pulse = {
    round: BigInt(ROUND),
    randomness: new Uint8Array(32),
    signature: Buffer.from(signature, 'hex'),
  };

  /** What the chain has of the beacon when a block begins. */
  const storedRounds = (): { newest: number; oldest: number } => {
    if (faults.expired) return { newest: ROUND + KEPT_ROUNDS, oldest: ROUND + 1 };
    if (faults.out) return { newest: ROUND, oldest: 1 };
    return { newest: ROUND - 1 - (faults.late ? LATE : 0), oldest: 1 };
  };

  let shown: number | null = null;
  /** Shifts the beacon, so that its round is out at `dueAt`. */
  const shift = (state: State, dueAt: number | null): void => {
    const period = dueAt === null ? PERIOD : SHORT_PERIOD;
    const genesis =
      dueAt === null
        ? Math.floor(Date.now() / 1000) - ROUND * PERIOD - A_DAY
        : Math.floor(dueAt) - (ROUND - 1) * period;
    // Decoded and encoded again, so that the storage is what the metadata says.
    state.set('Drand', 'BeaconConfig', [], beaconValue(state, { ...QUICKNET, genesis, period }));
    shown = dueAt;
  };

  return {
    begin(state) {
      shift(state, null);
      state.set('Drand', 'LastStoredRound', [], BigInt(ROUND - 1));
      state.set('Drand', 'OldestStoredRound', [], 1n);
    },
    open(state, block) {
      const index = state.get('Commitments', 'TimelockedIndex') as [number, string][];
      if (shown !== faults.dueAt) shift(state, faults.dueAt);
      const { newest, oldest } = storedRounds();
      state.set('Drand', 'Pulses', [BigInt(ROUND)], newest >= ROUND && oldest <= ROUND ? pulse : null);
      state.set('Drand', 'LastStoredRound', [], BigInt(newest));
      state.set('Drand', 'OldestStoredRound', [], BigInt(oldest));
      if (index.length === 0) return [];
      const events: PalletEvent[] = [];
      const left: [number, string][] = [];
      for (const [netuid, who] of index) {
        const entry = state.get('Commitments', 'CommitmentOf', netuid, who);
        const since = faults.out ? 1 : revealBlocks;
        const out = !faults.late && (faults.dueAt === null || chainTime(state) >= faults.dueAt);
        const due = entry !== undefined && entry.block + since <= block && out;
        const waits = entry?.info.some(
          (field: DataField) => isSeal(field) && answerOf(bytesOf(field)) === null,
        );
        if (entry === undefined) continue;
        if (
          !due ||
          waits ||
          entry.info.some((field: DataField) => isSeal(field) && Number(field.value.reveal_round) !== ROUND)
        ) {
          left.push([netuid, who]);
          continue;
        }
        events.push(...openEntry(state, netuid, who, entry, block));
      }
      if (!faults.out && (events.length > 0 || left.length < index.length)) {
        state.set('Drand', 'Pulses', [BigInt(ROUND)], pulse);
        state.set('Drand', 'LastStoredRound', [], BigInt(ROUND));
      }
      state.set('Commitments', 'TimelockedIndex', [], left);
      return events;
    },
  };

  function openEntry(
    state: State,
    netuid: number,
    who: string,
    entry: { deposit: bigint; block: number; info: DataField[] },
    block: number,
  ): PalletEvent[] {
    const events: PalletEvent[] = [];
    const opened: Uint8Array[] = [];
    const kept: DataField[] = [];
    for (const field of entry.info) {
      if (!isSeal(field)) {
        kept.push(field);
        continue;
      }
      const answer = faults.expired
        ? { error: 'PulseExpired' }
        : faults.broken
          ? { error: 'Decrypt' }
          : answerOf(bytesOf(field))!;
      const failure =
        'error' in answer ? answer.error : answer.plaintext.length === 0 ? 'EmptyPlaintext' : null;
      if (failure === null && 'plaintext' in answer) {
        opened.push(answer.plaintext);
        events.push({ type: 'Commitments', value: { type: 'CommitmentRevealed', value: { netuid, who } } });
      } else if (shape === 'next') {
        // Older runtimes drop it without a word.
        kept.push({ type: 'TimelockRevealFailed', value: field.value });
        const value = {
          netuid,
          who,
          reveal_round: field.value.reveal_round,
          error: { type: failure, value: undefined },
        };
        events.push({ type: 'Commitments', value: { type: 'CommitmentRevealFailed', value } });
      }
    }
    if (opened.length > 0) appendRevealed(state, netuid, who, opened, block);
    state.set(
      'Commitments',
      'CommitmentOf',
      [netuid, who],
      kept.length === 0 ? null : { ...entry, info: kept },
    );
    return events;
  }
}

/** Adds to the texts that were opened of a hotkey; the newest ten are kept. */
export function appendRevealed(
  state: State,
  netuid: number,
  who: string,
  opened: readonly Uint8Array[],
  block: number,
): void {
  const before = (state.get('Commitments', 'RevealedCommitments', netuid, who) ?? []) as [unknown, bigint][];
  const all = [...before, ...opened.map((bytes) => [bytes, BigInt(block)] as const)];
  state.set('Commitments', 'RevealedCommitments', [netuid, who], all.slice(-KEPT_REVEALS));
}

/** Unix seconds. */
const chainTime = (state: State): number => Number(state.get('Timestamp', 'Now')) / 1000;

const isSeal = ({ type }: DataField): boolean => type === 'TimelockEncrypted';

function bytesOf({ value }: DataField): Uint8Array {
  const { encrypted } = value as { encrypted: Uint8Array | string };
  return typeof encrypted === 'string' ? new Uint8Array(Buffer.from(encrypted.slice(2), 'hex')) : encrypted;
}

/** The configuration in the form that the storage codec takes. */
function beaconValue(state: State, config: Parameters<typeof beaconConfig>[0]): unknown {
  return state.decode('Drand', 'BeaconConfig', beaconConfig(config));
}
