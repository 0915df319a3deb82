/** What a validator does with one miner's commitment: take it into evaluation, refuse it, or come back later. */

import { checkArchitecture, checkParameters } from '../check.ts';
import { hashMatches, type ModelId } from '../commitment.ts';
import { findCompetition } from '../schedule.ts';
import type { Competition, Profile } from '../types.ts';
import { isAccepted } from '../verdict.ts';

export interface UpdateInput {
  /** The parsed commitment; null when there is none or it does not parse. */
  id: ModelId | null;
  hotkey: string;
  uploadBlock: number;
  currentBlock: number;
  /** From the downloaded model. */
  contentHash: string;
  repoBytes: number;
  parameters: number;
  /** Exact class name. */
  architecture: string;
  /** Whether the validator has remembered this very commitment. */
  alreadyTracked?: boolean;
  force?: boolean;
  /** Verdict of the norm check, where the competition asks for one. */
  normsValid?: boolean;
}

export type Refusal =
  | 'no metadata'
  | 'no competition at upload block'
  | 'no competition at current block'
  | 'too young'
  | 'unchanged'
  | 'size'
  | 'hash mismatch'
  | 'constraints';

export interface UpdateDecision {
  /** Whether the model enters evaluation. */
  updated: boolean;
  reason: 'accepted' | Refusal;
  /** Limit that the repository's size was held against; null when it did not come to that. */
  sizeLimit: number | null;
  /** Whether the validator remembers this commitment afterwards (and does not look again until it changes). */
  tracked: boolean;
}

/** The decision, checks in the reference's order. `competitions` gives those in force at a block. */
export function decideUpdate(
  profile: Profile,
  competitions: (block: number) => Competition[],
  input: UpdateInput,
): UpdateDecision {
  const tracked = input.alreadyTracked ?? false;
  const refuse = (reason: Refusal, sizeLimit: number | null = null, remembers = tracked): UpdateDecision => ({
    updated: false,
    reason,
    sizeLimit,
    tracked: remembers,
  });
  const { id } = input;
  if (id === null) return refuse('no metadata');
  const then = competitionOf(competitions(input.uploadBlock), id);
  if (!then) return refuse('no competition at upload block');
  let competition = then;
  if (profile.pretraining?.limits_at === 'upload_and_now') {
    const now = competitionOf(competitions(input.currentBlock), id);
    if (!now) return refuse('no competition at current block');
    if (input.currentBlock - input.uploadBlock < now.eval_block_delay) return refuse('too young');
    competition = now;
  }
  if (tracked && !input.force) return refuse('unchanged');
  const limit = competition.max_bytes;
  if (input.repoBytes > limit) return refuse('size', limit);
  // The newer validator remembers what it downloaded even when it then refuses it; the older one only what it accepts.
  const after = profile.pretraining?.limits_at === 'upload_and_now' ? true : tracked;
  if (!hashMatches(profile, id, input.contentHash, input.hotkey))
    return refuse('hash mismatch', limit, after);
  const findings = [
    checkParameters(input.parameters, competition),
    checkArchitecture(input.architecture, competition),
  ];
  if (!isAccepted(findings) || (competition.norm_validation_constraints && input.normsValid === false))
    return refuse('constraints', limit, after);
  return { updated: true, reason: 'accepted', sizeLimit: limit, tracked: true };
}

function competitionOf(competitions: Competition[], id: ModelId): Competition | null {
  return id.competitionId === null
    ? (competitions[0] ?? null)
    : findCompetition(competitions, id.competitionId);
}
