/** The commitment of a profile whose validators read sealed texts: one seal, whatever is killed when, and seen until the chain opens it. */
import { findSealer, sealBytes } from '../bridge/index.ts';
import type { ChainBeacon, Seal } from '../chain/types.ts';
import { EXIT, OutsideError } from '../errors.ts';
import { note, type Work } from '../progress.ts';
import { MAX_SEAL_BYTES, sealedPlaintext, sealShape } from '../rules/index.ts';
import { isAmbiguous, refuseNewer } from './commit.ts';
import { heldOf } from './held.ts';
import { isLate, sayLate, whyNever } from './late.ts';
import { awaitLimit } from './limit.ts';
import { type Publication, record } from './publication.ts';
import {
  beaconOf,
  holdsSeal,
  readStored,
  refuseLoss,
  roundOf,
  type Stored,
  standingOf,
  whenOf,
} from './seal-risk.ts';
import type { PublishedSeal } from './types.ts';

/** This publish's text, sealed or opened, as the chain holds it. */
export interface SealedOnChain {
  text: string;
  block: number;
  seal: PublishedSeal;
}

/** Sends of one seal at most: each carries the same nonce, so that no two can be included. */
const SENDS = 3;
/**
 * Brings the sealed text on chain exactly once and reads its bytes back; afterwards `journal.committed` holds it. The seal is in the journal
 * before it is sent: another run sends the same bytes, or finds them.
 */
export async function* ensureSealed(publication: Publication, text: string): Work<SealedOnChain> {
  const { request, chainText } = publication;
  const stored = await readStored(publication);
  const failed = heldOf(stored, publication.place.profile, stored.beacon).state === 'failed';
  const there = failed && request.replace ? null : await onChain(publication, text, stored);
  if (there) return yield* sayLate(publication, there);
  await refuseLoss(publication, text, stored);
  refuseNewer(publication, standingOf(stored), text);
  yield* awaitLimit(request, publication.place, chainText.bytes);
  const beacon = await beaconOf(publication.place);
  const seal = yield* sealFor(publication, text, beacon, stored);
  yield note(
    `Committing to subnet ${request.netuid}, sealed until round ${seal.round} (about ${whenOf(beacon, seal.round)}): ${text}`,
  );
  for (let sends = 0; sends < SENDS; sends++) {
    await send(publication, text, seal, stored);
    const later = await readLater(publication, text);
    const found = await onChain(publication, text, later);
    if (found) return yield* sayLate(publication, found);
    // Taken, and gone without a reveal, which older runtimes do in silence: another send would be another seal.
    if (later.lastBlock !== null && later.lastBlock > (stored.lastBlock ?? -1)) {
      await record(publication, { committed: { text, block: later.lastBlock } });
      throw whyNever(later, 'lost', {
        round: seal.round,
        late: await isLate(publication.place, seal.round, later.lastBlock),
      });
    }
  }
  throw new OutsideError('chain.unconfirmed', 'The chain does not show the seal that was sent.', {
    nextSteps: ['pt upload --resume', 'pt status --mine'],
  });
}

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
  const done = async (block: number, published: Omit<PublishedSeal, 'late'>): Promise<SealedOnChain> => {
    const taken = stored.entry?.block ?? stored.lastBlock;
    const late =
      own === null || taken === null ? null : (own.late ?? (await isLate(place, own.round, taken)));
    await record(publication, {
      committed: { text, block },
      ...(own === null ? {} : { seal: { ...own, late } }),
    });
    return { text, block, seal: { ...published, late } };
  };
  if (current?.text === text && state !== 'sealed' && state !== 'failed')
    return done(current.block, { round, revealsAt: null, state: 'revealed' });
  if (own === null || stored.entry === null || !holdsSeal(stored, own.encrypted)) return null;
  if (state === 'failed') {
    const late = own.late ?? (await isLate(place, own.round, stored.entry.block));
    throw whyNever(stored, 'failed', { round: own.round, late });
  }
  return done(stored.entry.block, { round: own.round, revealsAt: own.revealsAt, state: 'sealed' });
}

/** The seal of this publish: the one in the journal while its round is still to come, else a new one, tested and written down. */
async function* sealFor(
  publication: Publication,
  text: string,
  beacon: ChainBeacon,
  { beacon: known }: Stored,
): Work<Seal> {
  const { place, journal } = publication;
  const newest = known?.newest ?? 0;
  const left = journal.seal;
  // One that was on chain and is no more was lost or could not be opened: it would be again.
  const spent = journal.committed?.text === text;
  if (!spent && left?.text === text && left.round > newest)
    return { round: left.round, encrypted: bytesOf(left.encrypted) };
  const round = await roundOf(publication, beacon, newest);
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

async function send(publication: Publication, text: string, seal: Seal, stored: Stored): Promise<void> {
  const { place, request } = publication;
  const { entry: before } = standingOf(stored);
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
  const stored = await readStored(publication);
  if (stored.entry !== null || heldOf(stored, publication.place.profile).current?.text === text)
    return stored;
  await chain.waitForBlock((await chain.block()) + 1, publication.request.signal);
  return readStored(publication);
}

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));
