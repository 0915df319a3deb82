/** The commitment of a profile whose validators read sealed texts: one seal, whatever is killed when, and seen until the chain opens it. */
import { findSealer, QUICKNET, sealBytes } from '../bridge/index.ts';
import type { ChainBeacon, Seal, StoredCommitments } from '../chain/types.ts';
import { EXIT, OutsideError, type PtError, UserError } from '../errors.ts';
import type { Work } from '../progress.ts';
import {
  blocksUntilBoundary,
  MAX_SEAL_BYTES,
  momentOf,
  roundAfterBlocks,
  sealedPlaintext,
  sealShape,
  sealsLeft,
} from '../rules/index.ts';
import { isAmbiguous, refuseNewer } from './commit.ts';
import { heldOf } from './held.ts';
import { awaitLimit } from './limit.ts';
import { type Publication, record } from './publication.ts';
import type { PublishedSeal } from './types.ts';

/** This publish's text, sealed or opened, as the chain holds it. */
export interface SealedOnChain {
  text: string;
  block: number;
  seal: PublishedSeal;
}

/** Sends of one seal at most: each carries the same nonce, so that no two can be included. */
const SENDS = 3;
/** A clock that differs so much from the chain's is not used. */
const CLOCK_SECONDS = 60;

type Stored = StoredCommitments & { beacon: { newest: number; oldest: number } | null };

const read = ({ place, request }: Publication): Promise<Stored> =>
  place.chain.storeOf(request.netuid, place.hotkey.ss58);

/**
 * Brings the sealed text on chain exactly once and reads its bytes back; afterwards `journal.committed` holds it. The seal is in the journal
 * before it is sent: another run sends the same bytes, or finds them.
 */
export async function* ensureSealed(publication: Publication, commit: string): Work<SealedOnChain> {
  const { request, chainText } = publication;
  const text = chainText.at(commit);
  const stored = await read(publication);
  const there = await onChain(publication, text, stored);
  if (there) return there;
  yield* refuseLoss(publication, text, stored);
  refuseNewer(publication, plainOf(stored), text);
  yield* awaitLimit(request, publication.place, chainText.bytes);
  const beacon = await beaconOf(publication);
  const seal = yield* sealFor(publication, text, beacon, stored);
  yield {
    kind: 'note',
    level: 'info',
    message: `Committing to subnet ${request.netuid}, sealed until round ${seal.round} (about ${whenOf(beacon, seal.round)}): ${text}`,
  };
  for (let sends = 0; sends < SENDS; sends++) {
    await send(publication, text, seal, stored);
    const found = await onChain(publication, text, await readLater(publication, text));
    if (found) return found;
  }
  throw new OutsideError('chain.unconfirmed', 'The chain does not show the seal that was sent.', {
    nextSteps: ['pt upload --resume', 'pt status --mine'],
  });
}

const plainOf = ({ entry }: Stored) => (entry === null ? null : { block: entry.block, text: entry.text });

/** The text as it stands on chain, opened or pending; null when neither. */
async function onChain(
  publication: Publication,
  text: string,
  stored: Stored,
): Promise<SealedOnChain | null> {
  const { journal, place } = publication;
  const { state, seal, current } = heldOf(stored, place.profile, stored.beacon);
  const own = journal.seal?.text === text ? journal.seal : null;
  const round = own?.round ?? seal?.round ?? null;
  const done = async (block: number, published: PublishedSeal): Promise<SealedOnChain> => {
    await record(publication, { committed: { text, block } });
    return { text, block, seal: published };
  };
  if (current?.text === text && state !== 'sealed' && state !== 'failed')
    return done(current.block, { round, revealsAt: null, state: 'revealed' });
  if (own === null || stored.entry === null) return null;
  const mine = stored.entry.fields.find(
    (field) =>
      (field.kind === 'sealed' || field.kind === 'failed') && hexOf(field.encrypted) === own.encrypted,
  );
  if (mine?.kind === 'failed') throw neverOpened('failed', own.round);
  if (mine?.kind !== 'sealed') return null;
  return done(stored.entry.block, { round: own.round, revealsAt: own.revealsAt, state: 'sealed' });
}

/** Whatever a second commitment would destroy for good is refused by name; `--replace` answers it. */
async function* refuseLoss(publication: Publication, text: string, stored: Stored): Work<void> {
  const { place, request, journal } = publication;
  const { state, seal } = heldOf(stored, place.profile, stored.beacon);
  const own = journal.seal?.text === text && journal.committed?.text === text;
  const refuse = (code: string, message: string) =>
    new UserError(code, message, {
      nextSteps: ['pt status --mine', 'pt upload --resume --replace   # seals anew all the same'],
    });
  if (own && (state === 'lost' || state === 'failed') && !request.replace)
    throw neverOpened(state, journal.seal!.round);
  if (state === 'sealed' && !request.replace)
    throw refuse(
      'seal.pending',
      `Hotkey ${place.hotkey.ss58} has a seal that waits for round ${seal?.round}; another commitment would destroy it for good.`,
    );
  const reveals =
    stored.revealed.length + (state === 'sealed' || state === 'lost' || state === 'failed' ? 1 : 0);
  if (!sealsLeft(place.profile, reveals, await place.chain.block()) && !request.replace)
    throw refuse(
      'seal.spent',
      `Validators of ${place.profileName} take ${place.profile.limits.seals_per_hotkey_ever} reveal a hotkey for ever, and ${place.hotkey.ss58} has ${reveals}: one more makes it invalid for good.`,
    );
  if (state === 'failed' || state === 'lost')
    yield {
      kind: 'note',
      level: 'warning',
      message: `An earlier seal of this hotkey ${state === 'failed' ? 'could not be opened' : 'was never revealed'}.`,
    };
}

/** The chain's own beacon, which must be the one that seals can be made to. */
async function beaconOf({ place }: Publication): Promise<ChainBeacon> {
  const beacon = await place.chain.beacon();
  if (beacon === null)
    throw new OutsideError(
      'seal.no_beacon',
      `The runtime of ${place.chain.endpoint} has no Drand pallet: it opens no seals.`,
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

/** Seconds that the round is computed from: this machine's clock, or the chain's where they differ. */
function* clockOf({
  now,
}: ChainBeacon): Generator<{ kind: 'note'; level: 'warning'; message: string }, number> {
  const own = Date.now() / 1000;
  const off = Math.round(own - now);
  if (Math.abs(off) <= CLOCK_SECONDS) return own;
  yield {
    kind: 'note',
    level: 'warning',
    message: `This machine's clock is ${Math.abs(off)} s ${off > 0 ? 'ahead of' : 'behind'} the chain's; the round is computed from the chain's.`,
  };
  return now;
}

/** The seal of this publish: the one in the journal while its round is still to come, else a new one, tested and written down. */
async function* sealFor(
  publication: Publication,
  text: string,
  beacon: ChainBeacon,
  { beacon: known }: Stored,
): Work<Seal> {
  const { place, request, journal } = publication;
  const newest = known?.newest ?? 0;
  const left = journal.seal;
  // One that was on chain and is no more was lost or could not be opened: it would be again.
  const spent = journal.committed?.text === text;
  if (!spent && left?.text === text && left.round > newest)
    return { round: left.round, encrypted: bytesOf(left.encrypted) };
  const round = request.sealRound ?? (yield* roundFor(publication, beacon));
  if (round <= newest)
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
  const python = yield* findSealer(place.sealerEnv);
  const plaintext = sealedPlaintext(text);
  const { encrypted, proof } = await sealBytes(python, plaintext, round);
  const shape = sealShape(encrypted);
  if (!Buffer.from(proof).equals(plaintext) || shape.framing !== 'inner' || encrypted.length > MAX_SEAL_BYTES)
    throw new OutsideError(
      'seal.failed',
      'The seal that was made is not what the chain opens; nothing was sent.',
      {
        exitCode: EXIT.trainer,
        nextSteps: ['pt doctor', 'npm install -g pretrain-miner@latest'],
      },
    );
  await record(publication, {
    seal: { text, encrypted: hexOf(encrypted), round, revealsAt: whenOf(beacon, round) },
  });
  return { encrypted, round };
}

async function* roundFor({ place, request }: Publication, beacon: ChainBeacon): Work<number> {
  const { commit } = place.profile;
  if (commit.mode !== 'timelock') throw new Error('a plain profile seals nothing');
  const now = yield* clockOf(beacon);
  const blocks =
    request.sealBlocks ??
    (commit.boundary
      ? blocksUntilBoundary(await place.chain.block(), commit.boundary)
      : (commit.blocks ?? 1));
  return roundAfterBlocks(beacon, now, blocks, commit.block_time);
}

/** ISO time of a round; never before now, for a beacon that runs by other rules (the sandbox's). */
function whenOf(beacon: ChainBeacon, round: number): string {
  return new Date(Math.min(Math.max(momentOf(beacon, round) * 1000, Date.now()), 8.64e15)).toISOString();
}

async function send(publication: Publication, text: string, seal: Seal, stored: Stored): Promise<void> {
  const { place, request } = publication;
  const before = plainOf(stored);
  const block = await place.chain.block();
  try {
    await place.chain.commit({
      netuid: request.netuid,
      text,
      seal,
      hotkey: place.hotkey,
      standing: before,
      beforeSend: (extrinsicHash) => record(publication, { intent: { text, extrinsicHash, block, before } }),
      ...(request.signal ? { signal: request.signal } : {}),
    });
  } catch (error) {
    if (!isAmbiguous(error)) throw error;
  }
}

/** Reads back, one block later when the node does not show it yet. */
async function readLater(publication: Publication, text: string): Promise<Stored> {
  const { chain } = publication.place;
  const stored = await read(publication);
  if (stored.entry !== null || heldOf(stored, publication.place.profile).current?.text === text)
    return stored;
  await chain.waitForBlock((await chain.block()) + 1, publication.request.signal);
  return read(publication);
}

/** Waits until the chain has opened the seal and its text is this one. Throws `seal.failed` or `seal.lost` when it never will be. */
export async function* awaitReveal(publication: Publication, sealed: SealedOnChain): Work<SealedOnChain> {
  const { place, request } = publication;
  if (sealed.seal.state === 'revealed') return sealed;
  let late = false;
  for (
    let block = await place.chain.block();
    ;
    block = await place.chain.waitForBlock(block + 1, request.signal)
  ) {
    const stored = await read(publication);
    const { state, current } = heldOf(stored, place.profile, stored.beacon);
    if (current?.text === sealed.text && state === 'revealed')
      return { ...sealed, block: current.block, seal: { ...sealed.seal, state: 'revealed' } };
    if (state === 'lost' || state === 'failed') throw neverOpened(state, sealed.seal.round);
    if (state === 'revealed')
      throw new OutsideError(
        'seal.other_text',
        'The chain opened the seal, and its text is another one than was sealed.',
        {
          details: { text: current?.text ?? null },
          nextSteps: ['pt status --mine   # another machine with this hotkey?'],
        },
      );
    yield {
      kind: 'progress',
      phase: `waiting for round ${sealed.seal.round}`,
      done: block - sealed.block,
      unit: 'blocks',
    };
    const due = sealed.seal.revealsAt === null ? null : Date.parse(sealed.seal.revealsAt);
    if (!late && due !== null && Date.now() > due + 120_000) {
      late = true;
      yield {
        kind: 'note',
        level: 'warning',
        message: 'The round is due and the chain does not know it yet: the beacon is late there.',
      };
    }
  }
}

function neverOpened(state: 'lost' | 'failed', round: number | null): PtError {
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

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));
