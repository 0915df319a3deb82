/** What a hotkey's entries in the commitments pallet come to, as the profile's validators go by them. */
import type { Commitment, CommitmentStore, StoredCommitments } from '../chain/types.ts';
import {
  type Picked,
  type Profile,
  pickRevealed,
  readText,
  revealedText,
  sealsLeft,
} from '../rules/index.ts';

/**
 * `sealed`: waits for its round. `failed`: could not be opened, for good. `lost`: its round is over and nothing was revealed, which older
 * runtimes do in silence. `revealed`: the chain has opened the newest seal.
 */
export type CommitmentState = 'plain' | 'sealed' | 'revealed' | 'failed' | 'lost' | 'none';

/** A seal that is pending, or that failed. */
export interface HeldSeal {
  round: number;
  /** Block of the commitment. */
  block: number;
  /** Of the ciphertext. */
  bytes: number;
}

export interface Held {
  state: CommitmentState;
  seal: HeldSeal | null;
  /** The text that validators go by now, with the block that they take it from; what cannot be read is text without fields. */
  current: { text: string | null; block: number; fields: Picked['fields'] | null } | null;
}

/** Texts that the chain has opened; empty ones are none. */
function revealedTexts({ revealed }: Pick<StoredCommitments, 'revealed'>): { block: number; text: string }[] {
  return revealed.flatMap(({ bytes, block }) => {
    const text = revealedText(bytes);
    return text === null ? [] : [{ block, text }];
  });
}

/** `wanted`: values that the text's fields must have (`pickRevealed`). */
export function heldOf(
  stored: StoredCommitments,
  profile: Profile,
  beacon: CommitmentStore['beacon'] = null,
  wanted: Readonly<Record<string, string>> = {},
): Held {
  const { entry, lastBlock } = stored;
  const pending = entry?.fields.find((field) => field.kind === 'sealed' || field.kind === 'failed');
  const seal =
    pending === undefined || (pending.kind !== 'sealed' && pending.kind !== 'failed')
      ? null
      : { round: pending.round, block: entry!.block, bytes: pending.encrypted.length };
  const current = currentOf(stored, profile, wanted);
  return { state: stateOf(), seal, current };

  function stateOf(): CommitmentState {
    if (pending?.kind === 'failed' || pending?.kind === 'sealed') return pending.kind;
    const newest = Math.max(-1, ...stored.revealed.map(({ block }) => block));
    // What was opened left the entry, and with its last field the entry itself.
    if (entry === null && lastBlock !== null && newest < lastBlock) return beacon === null ? 'none' : 'lost';
    const sealing = profile.commit.mode === 'timelock';
    if (newest >= 0 && (sealing || entry === null) && newest >= (entry?.block ?? 0)) return 'revealed';
    if (entry !== null) return 'plain';
    return newest >= 0 ? 'revealed' : 'none';
  }
}

/** The newest commitment where nothing of it stands any more: with the text that the chain has opened since; null: one stands, or there was none. */
export function goneOf({ entry, lastBlock, revealed }: StoredCommitments): Commitment | null {
  if (entry !== null || lastBlock === null) return null;
  const newest = revealed.at(-1);
  const opened = newest !== undefined && newest.block >= lastBlock;
  return { block: lastBlock, text: opened ? revealedText(newest.bytes) : null };
}

/** What another commitment of this hotkey would destroy, or end for good; null: nothing. */
export function lossBy(
  stored: Pick<StoredCommitments, 'entry' | 'revealed'>,
  { profile, profileName }: { profile: Profile; profileName: string },
  { hotkey, block }: { hotkey: string; block: number },
): { code: 'seal.pending' | 'seal.spent'; message: string } | null {
  // Whatever the profile: the chain has one slot for all of them.
  const pending = stored.entry?.fields.find((field) => field.kind === 'sealed');
  if (pending?.kind === 'sealed')
    return {
      code: 'seal.pending',
      message: `Hotkey ${hotkey} has a seal that waits for round ${pending.round}; another commitment would destroy it for good.`,
    };
  const reveals = stored.revealed.length;
  if (!sealsLeft(profile, reveals, block))
    return {
      code: 'seal.spent',
      message: `Validators of ${profileName} take ${profile.limits.seals_per_hotkey_ever} reveal a hotkey for ever, and ${hotkey} has had ${reveals}: one more makes it invalid for good.`,
    };
  const { evaluations_per_hotkey: most, min_block: from = 0 } = profile.limits;
  const heard = lookedAt(stored, profile).filter(
    (each) => each.block >= from && readText(profile.commit.format, each.text).kind === 'read',
  );
  if (most === undefined || heard.length < most) return null;
  return {
    code: 'seal.spent',
    message: `Validators of ${profileName} score a hotkey ${most === 1 ? 'once' : `${most} times`}, and ${hotkey} has a text there of block ${heard.at(-1)!.block}: another is not scored, unless they refused that one unscored.`,
  };
}

/** The texts that validators take, as the profile's `intake` has it; null: their own reading of this hotkey ends with an error. */
export function countedTexts(
  stored: StoredCommitments,
  profile: Profile,
  wanted: Readonly<Record<string, string>> = {},
): Picked[] | null {
  const texts = lookedAt(stored, profile);
  if (profile.commit.mode === 'timelock') return pickRevealed(profile, texts, wanted);
  return texts.flatMap(({ text, block }) => {
    const read = readText(profile.commit.format, text);
    return read.kind === 'read' ? [{ text, block, fields: read.fields }] : [];
  });
}

/** Texts of a hotkey that the profile's validators cannot read. */
export function unreadTexts(stored: StoredCommitments, profile: Profile): { block: number; text: string }[] {
  return lookedAt(stored, profile).filter(
    ({ text }) => readText(profile.commit.format, text).kind !== 'read',
  );
}

/** The texts of a hotkey that the profile's validators look at: what was opened, or stands there in plain, or both. */
function lookedAt(
  stored: Pick<StoredCommitments, 'entry' | 'revealed'>,
  { commit }: Profile,
): { block: number; text: string }[] {
  const { entry } = stored;
  const plain = entry !== null && entry.text !== null ? [{ block: entry.block, text: entry.text }] : [];
  if (commit.mode === 'plain') return plain;
  return [...revealedTexts(stored), ...(commit.plain_too ? plain : [])];
}

function currentOf(
  stored: StoredCommitments,
  profile: Profile,
  wanted: Readonly<Record<string, string>>,
): Held['current'] {
  const { commit } = profile;
  const { entry } = stored;
  const plain = entry === null ? null : { text: entry.text, block: entry.block };
  if (commit.mode === 'plain') {
    if (plain === null) return null;
    const read = plain.text === null ? null : readText(commit.format, plain.text);
    return { ...plain, fields: read?.kind === 'read' ? read.fields : null };
  }
  const texts = revealedTexts(stored);
  const picked = countedTexts(stored, profile, wanted);
  const newest = picked?.reduce<Picked | null>(
    (best, each) => (best && best.block > each.block ? best : each),
    null,
  );
  if (newest) return newest;
  const last = texts.at(-1);
  if (last) return { ...last, fields: null };
  return plain !== null && plain.text !== null ? { ...plain, fields: null } : null;
}
