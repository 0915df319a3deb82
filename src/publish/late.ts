/** A round that passed between signing and inclusion: what was sealed then hides nothing, or is never opened. */
import { OutsideError, type PtError } from '../errors.ts';
import { type Work, warning } from '../progress.ts';
import { blocksUntilBoundary, type Profile } from '../rules/index.ts';
import type { Publication } from './publication.ts';
import { neverOpened, readStored, type Stored } from './seal-risk.ts';
import type { SealedOnChain } from './sealed.ts';
import type { Opened, PublishedSeal } from './types.ts';

/**
 * Whether the chain knew the round when it took the seal in block `taken`: by the rounds that it had stored then, which is what it opens seals
 * by, and not by the clock, which a late beacon does not keep to. Null: the node does not tell.
 */
export async function isLate(
  { chain }: Pick<Opened, 'chain'>,
  round: number,
  taken: number,
): Promise<boolean | null> {
  const stored = await chain.roundsAt(taken);
  return stored === null ? null : stored.newest >= round;
}

/**
 * Names a seal that came late. The pallet opens it in the next block while it keeps the round's signature. Throws `seal.expired` when it keeps
 * it no more; the repository then stays as it is, since nothing will name it.
 */
export async function* sayLate(publication: Publication, sealed: SealedOnChain): Work<SealedOnChain> {
  const { round, late, state } = sealed.seal;
  if (late !== true || round === null) return sealed;
  const { beacon } = await readStored(publication);
  if (state === 'sealed' && isExpired(beacon, round)) throw expired(round);
  const { profile } = publication.place;
  yield warning(
    `Round ${round} was out before the chain took the seal in block ${sealed.block}: nothing was hidden. It is opened in the next block, and counts as a reveal.${epochOver(profile, publication.journal.intent?.block ?? null, sealed.block)}`,
  );
  return sealed;
}

/** Why a seal that the chain took was not revealed. Of one that came in time, days later, an old round says nothing. */
export const whyNever = (
  { beacon }: Stored,
  state: 'lost' | 'failed',
  { round, late }: Pick<PublishedSeal, 'round' | 'late'>,
): PtError =>
  late === true && round !== null && isExpired(beacon, round) ? expired(round) : neverOpened(state, round);

const isExpired = (beacon: Stored['beacon'], round: number): boolean =>
  beacon !== null && beacon.oldest > round;

const expired = (round: number): OutsideError =>
  new OutsideError(
    'seal.expired',
    `Round ${round} was out long before the chain took the seal, which keeps its signature no more: the seal is never opened.`,
    { nextSteps: ['pt status --mine', 'pt upload --resume --replace   # seals anew'] },
  );

/** What else a late reveal costs where it must come before the end of an epoch: of the one that it was sent in. */
function epochOver({ commit }: Profile, sent: number | null, taken: number): string {
  if (commit.mode !== 'timelock' || commit.boundary === undefined || sent === null) return '';
  const end = sent + blocksUntilBoundary(sent, { ...commit.boundary, margin: 0 });
  return taken + 1 < end ? '' : ` That is after block ${end}, so validators count it in the next epoch.`;
}
