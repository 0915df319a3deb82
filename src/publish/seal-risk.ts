/** What stands against a seal, before anything is sent: what it would destroy, a beacon that is none, late or over, a clock that is wrong. */
import { QUICKNET } from '../bridge/index.ts';
import type { ChainBeacon, Commitment, StoredCommitments } from '../chain/types.ts';
import { OutsideError, type PtError, UserError } from '../errors.ts';
import { type Work, warning } from '../progress.ts';
import { blocksUntilBoundary, momentOf, newestRound, roundAfterBlocks } from '../rules/index.ts';
import { goneOf, heldOf, lossBy } from './held.ts';
import type { Publication } from './publication.ts';
import type { Opened, PublishRequest } from './types.ts';

/** Seconds; no profile seals for so long. */
const A_DAY = 86_400;
/** A clock that differs so much from the chain's is not used. */
const CLOCK_SECONDS = 60;
/** Rounds that a chain may be behind its beacon: two minutes of quicknet. */
const LATE_ROUNDS = 40;

export type Stored = StoredCommitments & { beacon: { newest: number; oldest: number } | null };

export const readStored = ({ place, request }: Publication): Promise<Stored> =>
  place.chain.storeOf(request.netuid, place.hotkey.ss58);

/** The commitment that stands now, or what became of it. */
export async function readStanding(
  publication: Publication,
): Promise<{ entry: Commitment | null; gone: Commitment | null }> {
  return standingOf(await readStored(publication));
}

export const standingOf = (stored: Stored): { entry: Commitment | null; gone: Commitment | null } => ({
  entry: stored.entry && { block: stored.entry.block, text: stored.entry.text },
  gone: goneOf(stored),
});

/** Throws what sealing would throw, and names what may go wrong with it; reads only. */
export async function* sealRisks(publication: Publication): Work<void> {
  const { place, journal } = publication;
  const stored = await readStored(publication);
  const { state } = heldOf(stored, place.profile, stored.beacon);
  if (state === 'sealed' && holdsSeal(stored, journal.seal?.encrypted)) return;
  await refuseLoss(publication, null, stored);
  const beacon = await beaconOf(place);
  if (state === 'failed' || state === 'lost')
    yield warning(
      `An earlier seal of this hotkey ${state === 'failed' ? 'could not be opened' : 'was never revealed'}.`,
    );
  const off = clockOff(beacon);
  if (off !== 0)
    yield warning(
      `This machine's clock is ${Math.abs(off)} s ${off > 0 ? 'ahead of' : 'behind'} the chain's; the round is computed from the chain's.`,
    );
  const newest = stored.beacon?.newest ?? 0;
  const behind = roundsBehind(beacon, newest);
  if (behind > 0)
    yield warning(
      `The beacon is late there: the chain knows rounds up to ${newest}, ${behind} fewer than are out. A seal is opened once it has caught up.`,
    );
  const round = await roundOf(publication, beacon, newest);
  const days = Math.round((momentOf(beacon, round) - beacon.now) / A_DAY);
  if (days >= 1)
    yield warning(
      `Round ${round} is out only in about ${days} ${days === 1 ? 'day' : 'days'} (${whenOf(beacon, round)}); until then validators see nothing of this hotkey.`,
    );
}

/** Rounds that a late beacon is behind; 0: it is not late. `newest`: that the chain knows. */
export function roundsBehind(beacon: ChainBeacon, newest: number): number {
  const behind = newestRound(beacon, beacon.now) - newest;
  return behind > LATE_ROUNDS ? behind : 0;
}

/** Whether the entry holds these bytes, as a seal that waits or that failed. */
export function holdsSeal({ entry }: Pick<Stored, 'entry'>, encrypted: string | undefined): boolean {
  return (
    entry?.fields.some(
      (field) =>
        (field.kind === 'sealed' || field.kind === 'failed') &&
        Buffer.from(field.encrypted).toString('hex') === encrypted,
    ) ?? false
  );
}

/** Whatever a second commitment, plain or sealed, would destroy for good is refused by name; `--replace` answers it. `text` null: it is not known yet. */
export async function refuseLoss(
  { place, request, journal }: Publication,
  text: string | null,
  stored: Stored,
): Promise<void> {
  const { state } = heldOf(stored, place.profile, stored.beacon);
  const left = journal.seal;
  const own = left != null && journal.committed?.text === left.text && (text === null || left.text === text);
  if (request.replace) return;
  if (own && (state === 'lost' || state === 'failed')) throw neverOpened(state, left.round);
  const loss = lossBy(stored, place, { hotkey: place.hotkey.ss58, block: await place.chain.block() });
  if (loss === null) return;
  throw new UserError(loss.code, loss.message, {
    nextSteps: ['pt status --mine', 'pt upload --resume --replace   # commits all the same'],
  });
}

/** The chain's own beacon, which must be the one that seals can be made to. */
export async function beaconOf({ chain }: Pick<Opened, 'chain'>): Promise<ChainBeacon> {
  const beacon = await chain.beacon();
  if (beacon === null)
    throw new OutsideError(
      'seal.no_beacon',
      `The runtime of ${chain.endpoint} has no Drand pallet: it opens no seals.`,
      {
        nextSteps: ['Try another endpoint: --network ws://HOST:PORT', 'pt doctor'],
      },
    );
  if (beacon.public_key !== QUICKNET.public_key)
    throw new OutsideError(
      'seal.other_beacon',
      "The chain's beacon is not quicknet, to which alone seals can be made.",
      {
        nextSteps: ['pt doctor', 'npm install -g pretrain-miner@latest'],
      },
    );
  return beacon;
}

/** Seconds that this machine's clock is ahead of the chain's; 0: near enough. */
function clockOff({ now }: ChainBeacon): number {
  const off = Math.round(Date.now() / 1000 - now);
  return Math.abs(off) <= CLOCK_SECONDS ? 0 : off;
}

/** The round that a seal made now waits for. Throws `seal.round_past` for one that is over. */
export async function roundOf(
  { place, request }: { place: Pick<Opened, 'chain' | 'profile'>; request: PublishRequest },
  beacon: ChainBeacon,
  newest: number,
): Promise<number> {
  const { commit } = place.profile;
  if (commit.mode !== 'timelock') throw new Error('a plain profile seals nothing');
  // The machine's clock, as every client of these subnets has it; the chain's where they differ.
  const now = clockOff(beacon) === 0 ? Date.now() / 1000 : beacon.now;
  const blocks =
    request.sealBlocks ??
    (commit.boundary
      ? blocksUntilBoundary(await place.chain.block(), commit.boundary)
      : (commit.blocks ?? 1));
  const round = request.sealRound ?? roundAfterBlocks(beacon, now, blocks, commit.block_time);
  if (round > newest) return round;
  throw new UserError(
    'seal.round_past',
    `Round ${round} of the beacon is over: such a seal would be opened at once.`,
    {
      nextSteps: [
        '--blocks N   # blocks until the reveal',
        `--round ${newest + 100}   # or another one to come`,
      ],
    },
  );
}

/** ISO time of a round; never before now, for a beacon that runs by other rules (the sandbox's). */
export function whenOf(beacon: ChainBeacon, round: number): string {
  return new Date(Math.min(Math.max(momentOf(beacon, round) * 1000, Date.now()), 8.64e15)).toISOString();
}

export function neverOpened(state: 'lost' | 'failed', round: number | null): PtError {
  const nextSteps = ['pt status --mine', 'pt upload --resume --replace   # seals anew'];
  return state === 'failed'
    ? new OutsideError('seal.not_opened', `The chain could not open the seal of round ${round}, for good.`, {
        nextSteps,
      })
    : new OutsideError(
        'seal.lost',
        `The round ${round} is over and nothing was revealed: the seal is lost.`,
        { nextSteps },
      );
}
