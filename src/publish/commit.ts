import type { Commitment } from '../chain/types.ts';
import { EXIT, PtError, UserError } from '../errors.ts';
import { note, type Work } from '../progress.ts';
import { afterStep, nextStep, type PushState, startPush } from '../rules/index.ts';
import { awaitLimit } from './limit.ts';
import { type Publication, record } from './publication.ts';
import { readStanding, readStored, refuseLoss } from './seal-risk.ts';

/** This publish's string as the chain holds it. */
export interface OnChain {
  text: string;
  block: number;
}

/**
 * Brings the commitment on chain exactly once and reads it back; afterwards `journal.committed` holds it.
 *
 * The chain is read before anything is sent, and what is about to be sent is in the journal before it goes: a kill between
 * the two leaves an intent, and the next run reads the chain again before it sends the same text under the same nonce.
 */
export async function* ensureCommitted(publication: Publication, text: string): Work<OnChain> {
  const { place, request, chainText } = publication;
  const current = await readCommitment(publication);
  if (current?.text === text) return found(publication, text, current);
  refuseNewer(publication, await readStanding(publication), text);
  yield* awaitLimit(request, place, chainText.bytes);
  await refuseLoss(publication, text, await readStored(publication));

  let state: PushState = afterStep(startPush(text, false), { step: 'upload' });
  for (;;) {
    const step = nextStep(state);
    if (step === 'commit') {
      yield note(`Committing to subnet ${request.netuid}: ${text}`);
      state = afterStep(state, { step, ok: await send(publication, text, current) });
    } else if (step === 'readBack') {
      const { found: answer, commitment } = await look(publication, text);
      if (commitment && answer === 'same') return found(publication, text, commitment);
      state = afterStep(state, { step, found: answer });
    } else {
      throw new Error(`unexpected publish step ${step}`);
    }
  }
}

function readCommitment({ place, request }: Publication): Promise<Commitment | null> {
  return place.chain.commitment(request.netuid, place.hotkey.ss58);
}

async function found(publication: Publication, text: string, { block }: Commitment): Promise<OnChain> {
  await record(publication, { committed: { text, block } });
  return { text, block };
}

/** Sends once. False: it is not known whether the chain took it. Anything the chain refused for good is thrown. */
async function send(publication: Publication, text: string, before: Commitment | null): Promise<boolean> {
  const { place, request } = publication;
  const block = await place.chain.block();
  try {
    await place.chain.commit({
      netuid: request.netuid,
      text,
      hotkey: place.hotkey,
      standing: before,
      beforeSend: (extrinsicHash) => record(publication, { intent: { text, extrinsicHash, block, before } }),
      ...(request.signal ? { signal: request.signal } : {}),
    });
    return true;
  } catch (error) {
    if (isAmbiguous(error)) return false;
    throw error;
  }
}

/** Failures after which the chain may hold the commitment all the same; a refusal by name is final. */
const AMBIGUOUS = new Set([
  'chain.lost',
  'chain.stalled',
  'chain.unconfirmed',
  'chain.unreachable',
  'chain.unreadable',
]);

/** Whether it is not known what became of a send. */
export function isAmbiguous(error: unknown): boolean {
  return error instanceof PtError && AMBIGUOUS.has(error.code);
}

/** Reads back after a send, one block later when the node does not show it yet. */
async function look(
  publication: Publication,
  text: string,
): Promise<{ found: 'same' | 'other' | 'none' | 'failed'; commitment: Commitment | null }> {
  const { chain } = publication.place;
  try {
    const commitment = await readCommitment(publication);
    if (commitment?.text === text) return { found: 'same', commitment };
    await chain.waitForBlock((await chain.block()) + 1, publication.request.signal);
    const again = await readCommitment(publication);
    if (again?.text === text) return { found: 'same', commitment: again };
    return { found: again === null ? 'none' : 'other', commitment: again };
  } catch (error) {
    if (!(error instanceof PtError) || error.exitCode !== EXIT.network) throw error;
    return { found: 'failed', commitment: null };
  }
}

/**
 * A commitment that the same hotkey made since this publish began, on another machine perhaps, is not taken away in silence: throws
 * `publish.replaced` unless `--replace` was given. The chain's own text of this publish is no such thing.
 */
export function refuseNewer(
  { journal, place, request }: Publication,
  { entry: current, gone }: { entry: Commitment | null; gone: Commitment | null },
  text: string | null = null,
): void {
  const { standing, intent, committed } = journal;
  if (request.replace) return;
  // One that has been opened since, and left the entry with that, is the same one.
  const isNow = (known: Commitment | null) =>
    isSame(known, current) || (known !== null && current === null && gone?.block === known.block);
  // Asked about anew since then (a run that is gone on with), and nothing has happened after that.
  if (request.standing !== undefined && isNow(request.standing)) return;
  // A revision that is gone from the Hub, and what was sent for it.
  if (text === null && current !== null && current.text === intent?.text) return;
  const ours = text !== null && (committed?.text === text || intent?.text === text);
  const unchanged = ours
    ? committed === null && isNow(intent?.before ?? null)
    : standing === undefined || isNow(standing);
  if (unchanged) return;
  const newest = current ?? gone;
  const now = newest
    ? `: ${describe(newest)}${current === null && newest.text !== null ? ', which the chain has opened' : ''}`
    : ', and the chain holds none now';
  throw new UserError(
    'publish.replaced',
    `Hotkey ${place.hotkey.ss58} has made another commitment since this publish began${now}.`,
    {
      details: { commitment: newest },
      nextSteps: [
        'pt status --mine   # another machine, or an earlier run?',
        'pt upload --resume --replace   # commits this model in its place',
      ],
    },
  );
}

const describe = ({ text, block }: Commitment): string =>
  `block ${block}, ${text === null ? 'no text' : JSON.stringify(text.slice(0, 128))}`;

const isSame = (a: Commitment | null, b: Commitment | null): boolean =>
  a?.block === b?.block && a?.text === b?.text;
