/** What comes after a seal is in: the repository becomes public when it is due, and the chain opens it. */
import { Cancelled, OutsideError } from '../errors.ts';
import { note, type Work, warning } from '../progress.ts';
import { heldOf } from './held.ts';
import { whyNever } from './late.ts';
import type { Publication } from './publication.ts';
import { readStored, roundsBehind } from './seal-risk.ts';
import type { SealedOnChain } from './sealed.ts';

/** Longest that a publish stays for the repository's sake alone: most subnets' seals are opened within a minute. */
const LONGEST_MS = 15 * 60_000;

/**
 * Returns a block before the seal is due, by the chain's own clock: nobody sees the model before its seal is in, and no validator finds it
 * private. One that is due much later is public at once unless the reveal is waited for anyway, because whoever stops this process would
 * leave it private (docs/adr/0012-public-when-due.md).
 */
export async function* awaitDue(publication: Publication, { seal }: SealedOnChain): Work<void> {
  const { place, request } = publication;
  if (seal.state === 'revealed' || seal.revealsAt === null) return;
  const due = Date.parse(seal.revealsAt) - place.chain.blockTimeMs;
  const left = async () => due - ((await place.chain.beacon())?.now ?? Date.now() / 1000) * 1000;
  const first = await left();
  if (first > LONGEST_MS && !request.waitReveal) {
    yield warning(
      `The seal is opened about ${seal.revealsAt}. ${request.repo} is public from now on, so that it is then; --wait-reveal keeps it private until it is due, and must not be stopped before.`,
    );
    return;
  }
  if (first > 0)
    yield note(
      `${request.repo} stays private until the seal is due, about ${seal.revealsAt}; stopped before that, pt upload --resume makes it public.`,
    );
  for (let now = first; now > 0; now = await left()) {
    const total = Math.ceil(first / place.chain.blockTimeMs);
    const done = total - Math.ceil(now / place.chain.blockTimeMs);
    yield { kind: 'progress', phase: 'waiting until the seal is due', done, total, unit: 'blocks' };
    await nextBlock(publication);
  }
  yield* awaitBeacon(publication, seal.round);
}

/** What is due is opened by a chain that knows the round: while its beacon is late the model would be seen before its text. */
async function* awaitBeacon(publication: Publication, round: number | null): Work<void> {
  const { place, request } = publication;
  const isBehind = async (): Promise<boolean> => {
    const [beacon, { beacon: stored }] = [await place.chain.beacon(), await readStored(publication)];
    if (beacon === null || stored === null || round === null || stored.newest >= round) return false;
    return roundsBehind(beacon, stored.newest) > 0;
  };
  if (!(await isBehind())) return;
  if (!request.waitReveal) {
    yield warning(
      `${request.repo} is public from now on, although the beacon is late and its text may stay sealed for long; --wait-reveal keeps it private until the chain knows the round.`,
    );
    return;
  }
  yield note(`${request.repo} stays private until the chain knows round ${round}: its beacon is late.`);
  for (let done = 0; await isBehind(); done++) {
    yield { kind: 'progress', phase: 'waiting for the late beacon', done, unit: 'blocks' };
    await nextBlock(publication);
  }
}

async function nextBlock({ place: { chain }, request: { signal } }: Publication): Promise<void> {
  if (signal?.aborted) throw new Cancelled();
  await chain.waitForBlock((await chain.block()) + 1, signal);
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
    const stored = await readStored(publication);
    const { state, current } = heldOf(stored, place.profile, stored.beacon);
    if (current?.text === sealed.text && state === 'revealed')
      return { ...sealed, block: current.block, seal: { ...sealed.seal, state: 'revealed' } };
    if (state === 'lost' || state === 'failed') throw whyNever(stored, state, sealed.seal);
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
      yield warning('The round is due and the chain does not know it yet: the beacon is late there.');
    }
  }
}
