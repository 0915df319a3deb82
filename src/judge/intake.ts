/** What the stand-in validator takes into a duel, by the same rules that `pt` tells miners. */
import type { StoredCommitments } from '../chain/types.ts';
import { checkTarget } from '../check/index.ts';
import { PtError } from '../errors.ts';
import type { Place } from '../place.ts';
import type { Work } from '../progress.ts';
import {
  asHubRepo,
  checkNames,
  isCommit,
  modelIdOf,
  type Picked,
  parseRepoId,
  reasonsAgainst,
  sealsLeft,
} from '../rules/index.ts';
import type { PlayVerdict } from '../sandbox/index.ts';

/** A text of a registered hotkey that counts. */
export interface Challenge {
  uid: number;
  hotkey: string;
  text: Picked;
  stored: StoredCommitments;
}

/** Where a challenger's model is. */
export interface Entrant {
  repo: string;
  commit: string;
}

/** The model on a Hub that a text names; null: none. */
export function entrantIn({ profile }: Pick<Place, 'profile'>, { fields }: Picked): Entrant | null {
  const { namespace, name, commit } = modelIdOf(profile, fields);
  const repo = asHubRepo(namespace, name);
  return repo === null || commit === null ? null : { repo, commit };
}

/** The model that is taken in, or why it is not. `king`: its model; null: there is none. */
export async function* takeIn(
  challenge: Challenge,
  place: Place,
  { king, block, earlier }: { king: Entrant | null; block: number; earlier: PlayVerdict[] },
): Work<{ entrant: Entrant } | { refused: string }> {
  const { hotkey, text } = challenge;
  const refused = (why: string) => ({ refused: why });
  const spent = refusedByCount(challenge, place, earlier);
  if (spent !== null) return refused(spent);
  const entrant = entrantIn(place, text);
  if (entrant === null || !isCommit(entrant.commit))
    return refused('it names no full commit of a repository on the Hub, and no other store is played here');
  const { repo, commit } = entrant;
  try {
    parseRepoId(place.profile, repo);
  } catch (error) {
    return refused((error as Error).message);
  }
  const chain = await place.chain();
  const owner = { hotkey, coldkey: await chain.ownerOf(hotkey) };
  const names = reasonsAgainst(checkNames(repo, owner, place.profile, block));
  if (names.length > 0) return refused(names[0]!.message);
  const hub = await place.hub();
  if ((await hub.anonymous().revision(repo, commit)) === null)
    return refused(`${repo}@${commit.slice(0, 8)} is private, or not there`);
  const asked = (model: Entrant) => ({ kind: 'repo', repo: model.repo, revision: model.commit }) as const;
  try {
    // As a validator looks: nobody's hotkeys but the challenger's own are his.
    const verdict = yield* checkTarget(
      { target: asked(entrant), against: king && asked(king) },
      { ...place, ownHotkeys: async () => new Set([hotkey]) },
    );
    const against = reasonsAgainst(verdict.findings).filter((finding) => finding.verdict !== 'unknown');
    return against.length > 0 ? refused(against.map(({ message }) => message).join(' ')) : { entrant };
  } catch (error) {
    if (error instanceof PtError) return refused(error.message);
    throw error;
  }
}

/** What a hotkey may do so often. */
function refusedByCount(
  { hotkey, text, stored }: Challenge,
  { profile }: Pick<Place, 'profile'>,
  earlier: PlayVerdict[],
): string | null {
  const { limits } = profile;
  const own = earlier.filter((each) => each.hotkey === hotkey);
  const before = stored.revealed.length - 1;
  if (profile.commit.mode === 'timelock' && before > 0 && !sealsLeft(profile, before, text.block))
    return `${stored.revealed.length} reveals of this hotkey: more than ${limits.seals_per_hotkey_ever} make it invalid for good`;
  // What was never read was never taken up.
  const failed = own.filter(({ outcome }) => outcome === 'refused').length;
  const judged = own.filter(({ outcome }) => outcome !== 'refused' && outcome !== 'unreadable').length;
  if (limits.evaluations_per_hotkey !== undefined && judged >= limits.evaluations_per_hotkey)
    return `this hotkey had its ${limits.evaluations_per_hotkey} evaluation`;
  if (limits.failed_ban !== undefined && failed >= limits.failed_ban)
    return `${failed} of its models were refused: this hotkey is banned`;
  return null;
}
