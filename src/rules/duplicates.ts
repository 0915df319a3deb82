/** Whether a model is a copy of one on chain, and whether it then loses. */
import { hasContentHash, hashMatches, namesCompetition, parseCommitment } from './commitment.ts';
import { findCompetition } from './schedule.ts';
import type { Competition, Finding, Profile } from './types.ts';
import { competitiveSet, isWin } from './wins.ts';

export interface CopyQuestion {
  /** The model's content hashes: as it is, and as it would be published. */
  contentHashes: string[];
  /** The revision that was looked at: its own commitment is no copy of it. Null: a folder. */
  revision: { repo: string; commit: string } | null;
  /** All commitments of the subnet. */
  commitments: ReadonlyMap<string, { block: number; text: string | null }>;
  profile: Profile;
  /** Null: there is none of that name, and every commitment counts. */
  competition: Competition | null;
  /** Hotkeys of this machine. */
  ownHotkeys: ReadonlySet<string>;
  /** Looked at from this block; later commitments do not count. */
  block: number;
}

interface Holder {
  hotkey: string;
  block: number;
  /** A hotkey of this machine. */
  own: boolean;
  /** The commitment of the revision that was looked at. */
  self: boolean;
}

/**
 * Whether somebody else committed the same content earlier. Hashes bound to a hotkey compare too: the content's hash is bound to each
 * holder's hotkey in turn, as validators do. What differs in a byte is another model.
 */
export function checkDuplicates(question: CopyQuestion): Finding {
  if (!hasContentHash(question.profile))
    return {
      rule: 'duplicate',
      ok: null,
      actual: [],
      limit: null,
      message:
        'Commitments of this subnet hold no content hash, so that copies cannot be told from the chain.',
    };
  const holders = holdersOf(question);
  const { block, profile, competition } = question;
  const mine = holders.find((h) => h.own || h.self);
  const first = holders.find((h) => !h.own && !h.self);
  const shared = { rule: 'duplicate', actual: holders, limit: null };
  if (first && (!mine || first.block < mine.block)) {
    const earlier = `${first.hotkey} committed the same content at block ${first.block}`;
    return laterLoses(profile, competition, first.block, mine?.block ?? block + 1, block)
      ? {
          ...shared,
          ok: false,
          verdict: 'cannot_score',
          message: `${earlier}: the later copy cannot win.`,
        }
      : { ...shared, ok: null, message: `${earlier}: the later copy can only draw with it.` };
  }
  if (mine?.own)
    return {
      ...shared,
      ok: true,
      message: `Your hotkey ${mine.hotkey} committed this very content at block ${mine.block}; another commitment of it, with whichever hotkey, is a later copy of your own model.`,
    };
  if (mine)
    return {
      ...shared,
      ok: true,
      message: `${mine.hotkey} committed this very revision at block ${mine.block}; nobody has its content earlier.`,
    };
  return { ...shared, ok: true, message: 'No other miner has this content on chain.' };
}

/** Who holds the content in this competition, the earliest first. */
function holdersOf(question: CopyQuestion): Holder[] {
  const { contentHashes, revision, commitments, profile, competition, ownHotkeys, block } = question;
  return [...commitments]
    .flatMap(([hotkey, { text, block: since }]): Holder[] => {
      const id = since > block ? null : parseCommitment(profile, text);
      if (id === null || !contentHashes.some((hash) => hashMatches(profile, id, hash, hotkey))) return [];
      if (competition !== null && id.competitionId !== null)
        if (findCompetition([competition], id.competitionId) === null) return [];
      const self = revision?.repo === `${id.namespace}/${id.name}` && revision.commit === id.commit;
      return [{ hotkey, block: since, own: ownHotkeys.has(hotkey), self }];
    })
    .sort((a, b) => a.block - b.block);
}

/** Whether of two equal models the later one loses: the earlier one's head start beats it, or (`6.0`) it is dropped for not beating it. */
function laterLoses(
  profile: Profile,
  competition: Competition | null,
  earlier: number,
  later: number,
  block: number,
): boolean {
  if (competition === null) return false;
  const { epsilon } = competition;
  if (isWin(1, 1, earlier, later, epsilon, block)) return true;
  const models = [
    { uid: 0, score: 1, block: earlier },
    { uid: 1, score: 1, block: later },
  ];
  return namesCompetition(profile) && !competitiveSet(models, epsilon).includes(1);
}
