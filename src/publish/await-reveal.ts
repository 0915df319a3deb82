/** What comes after a seal is in: the repository becomes public when it is due, and the chain opens it. */
import { Cancelled, OutsideError } from '../errors.ts';
import { note, type Work, warning } from '../progress.ts';
import { heldOf } from './held.ts';
import type { Publication } from './publication.ts';
import { neverOpened, readStored } from './seal-risk.ts';
import type { SealedOnChain } from './sealed.ts';

/** Longest that a publish stays for the repository's sake alone: most subnets' seals are opened within a minute. */
const LONGEST_MS = 15 * 60_000;

/**
 * Returns a block before the seal is due, by the chain's own clock: nobody sees the model before its seal is in, and no validator finds it
 * private. One that is due much later is public at once unless the reveal is waited for anyway, because whoever stops this process would
 * leave it private (docs/adr/0012-public-when-due.md).
 */
export async function* awaitDue({ place, request }: Publication, { seal }: SealedOnChain): Work<void> {
  if (seal.state === 'revealed' || seal.revealsAt === null) return;
  const due = Date.parse(seal.revealsAt) - place.chain.blockTimeMs;
  const left = async () => due - ((await place.chain.beacon())?.now ?? Date.now() / 1000) * 1000;
  const first = await left();
  if (first <= 0) return;
  if (first > LONGEST_MS && !request.waitReveal) {
    yield warning(
      `The seal is opened about ${seal.revealsAt}. ${request.repo} is public from now on, so that it is then; --wait-reveal keeps it private until it is due, and must not be stopped before.`,
    );
    return;
  }
  yield note(
    `${request.repo} stays private until the seal is due, about ${seal.revealsAt}; stopped before that, pt upload --resume makes it public.`,
  );
  for (let now = first; now > 0; now = await left()) {
    if (request.signal?.aborted) throw new Cancelled();
    const total = Math.ceil(first / place.chain.blockTimeMs);
    const done = total - Math.ceil(now / place.chain.blockTimeMs);
    yield { kind: 'progress', phase: 'waiting until the seal is due', done, total, unit: 'blocks' };
    await place.chain.waitForBlock((await place.chain.block()) + 1, request.signal);
  }
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
      yield warning('The round is due and the chain does not know it yet: the beacon is late there.');
    }
  }
}
