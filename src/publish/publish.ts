import { existsSync } from 'node:fs';
import type { Commitment } from '../chain/types.ts';
import { Cancelled, CheckError, OutsideError, PtError, UserError } from '../errors.ts';
import type { Place } from '../place.ts';
import { note, type Work } from '../progress.ts';
import { type Finding, heardOnce } from '../rules/index.ts';
import { againOf, nameAgain } from './again.ts';
import { awaitDue, awaitReveal } from './await-reveal.ts';
import { ensureCommitted } from './commit.ts';
import { lossBy } from './held.ts';
import { sayHidden } from './hidden.ts';
import {
  type Journal,
  type JournalKey,
  journalPath,
  lockPath,
  newJournal,
  readJournal,
  sameContent,
} from './journal.ts';
import { checkLimit } from './limit.ts';
import { lockPublish } from './lock.ts';
import { mayWrite, refuseWrongNetwork } from './may-write.ts';
import { open, requestOf } from './open.ts';
import { checkAccount } from './preconditions.ts';
import { nameFindings, type Prepared, prepareModel } from './prepare.ts';
import { type Publication, record } from './publication.ts';
import { ensurePublic } from './reveal.ts';
import { holdsSeal, readStored, refuseLoss, sealRisks } from './seal-risk.ts';
import { ensureSealed } from './sealed.ts';
import type { Opened, PublishedSeal, PublishOrder, PublishRequest, UploadOutcome } from './types.ts';
import { adoptFromChain, currentText, ensureUploaded } from './upload.ts';
import { passVerdict, rejectionOf } from './verdict.ts';

/**
 * Publishes a model: check, private upload, every object confirmed, commitment, read back, public, anonymous download confirmed.
 *
 * Every step first looks whether it is done already (journal, Hub, chain), so the same call continues after a kill at any
 * moment and, when all is done, sends nothing and returns the same outcome.
 *
 * Throws before a byte is sent: `UserError` (2, 4), `CheckError` (3), `OutsideError` with exit 6 and `retryAt` when the chain's
 * limit is used up. Later: `OutsideError` (5); the journal then says how far it came.
 */
export async function* publish(order: PublishOrder, where: Place): Work<UploadOutcome> {
  const [request, place] = [requestOf(order, where), await open(where, order.source)];
  refuseWrongNetwork(place);
  await checkAccount(request, place);
  const key = keyOf(request, place);
  const path = journalPath(place.home, key);
  const lock = lockPublish(lockPath(place.home, key));
  try {
    const prepared = yield* prepareModel(request, place);
    yield* passVerdict(request, prepared.findings);
    const left = await readJournal(path).catch(() => null);
    const goesOn = (now: Commitment) => goesOnWith(now, left, prepared, request, place);
    const standing = yield* mayWrite(request, place, goesOn);
    return yield* finishPublication(await openPublication(request, place, prepared, { path, standing }));
  } catch (error) {
    if (error instanceof PtError) {
      const steps = nameAgain(error.nextSteps, request);
      const again = againOf(request);
      if (error instanceof Cancelled && steps.length === 0) steps.push(`${again}   # goes on from here`);
      if (
        error instanceof OutsideError &&
        existsSync(path) &&
        !steps.some((step) => step.includes('--resume'))
      )
        steps.push(`${again}   # goes on from here, once that works again`);
      error.nextSteps.splice(0, Infinity, ...steps);
    }
    throw error;
  } finally {
    lock.release();
  }
}

/**
 * Everything that would stop a publish before a file is read, and everything that it asks: for what is published only hours later.
 * Throws as `publish` does; gives the chain's block, and the commitment that was asked about.
 */
export async function* preflight(
  order: PublishOrder,
  where: Place,
): Work<{ block: number; standing: Commitment | null }> {
  const [request, place] = [requestOf(order, where), await open(where, order.source)];
  await checkAccount(request, place);
  const block = await place.chain.block();
  refuseName(request, await nameFindings(request, place, block));
  await refuseSpent(request, place, block);
  const standing = yield* mayWrite(request, place);
  return { block, standing };
}

/** A name that validators refuse, whatever the model is. */
function refuseName({ repo }: PublishRequest, names: Finding[]): void {
  const rejection = rejectionOf(names, repo);
  if (rejection === null) return;
  const wanted = names.find(({ ok }) => ok === false)?.limit;
  throw new CheckError(rejection.code, rejection.message, {
    details: { findings: names },
    nextSteps: [`--hf-repo-id ${repo}-${wanted}`],
  });
}

/**
 * A hotkey that is heard no more, or will not be once its seal is opened: what is trained for it could not be published.
 *
 * @throws UserError `seal.spent`, `seal.pending`
 */
async function refuseSpent({ netuid }: PublishRequest, place: Opened, block: number): Promise<void> {
  const { ss58: hotkey } = place.hotkey;
  const loss = lossBy(await place.chain.storeOf(netuid, hotkey), place, { hotkey, block });
  if (loss === null || (loss.code === 'seal.pending' && !heardOnce(place.profile))) return;
  throw new UserError(loss.code, loss.message, {
    nextSteps: ['pt status --mine', 'Another hotkey: --wallet-hotkey', 'Train without --hf-repo-id'],
  });
}

/** Joins what is on disk with the journal, if there is one. Throws `publish.changed` rather than mix two models. */
export async function openPublication(
  request: PublishRequest,
  place: Opened,
  prepared: Prepared,
  { path, standing }: { path: string; standing: Commitment | null },
): Promise<Publication> {
  const { content } = prepared;
  const left = request.restart ? await readJournal(path).catch(() => null) : await readJournal(path);
  const known = request.restart ? null : left;
  const same = known !== null && sameContent(known.content, content);
  if (known !== null && !same && known.outcome === null) throw changed(known);
  // What an earlier publish left private is not forgotten with it.
  const begun = { standing: mayReplace(request, left, standing), hidden: left?.hidden ?? null };
  const journal = known !== null && same ? known : newJournal(keyOf(request, place), content, begun);
  const publication: Publication = { ...prepared, request, place, journal, journalPath: path, resumed: same };
  await adoptFromChain(publication);
  return publication;
}

/** The commitment that a publish may replace in silence: the one that was asked about, or what an earlier try of it brought on chain. */
function mayReplace(
  { standing: asked }: PublishRequest,
  left: Journal | null,
  now: Commitment | null,
): Commitment | null {
  return asked === undefined || (now !== null && now.text !== null && sentBy(left).includes(now.text))
    ? now
    : asked;
}

/** Whether a commitment is what an earlier try of this publish sent: its text, or its seal while that waits. */
export async function goesOnWith(
  { text }: Commitment,
  left: Journal | null,
  { content }: Pick<Prepared, 'content'>,
  { netuid }: PublishRequest,
  { chain, hotkey }: Opened,
): Promise<boolean> {
  // Of a publish that is done, only the same one again replaces nothing.
  if (left === null || (left.outcome !== null && !sameContent(left.content, content))) return false;
  if (text !== null) return sentBy(left).includes(text);
  return left.seal != null && holdsSeal(await chain.storeOf(netuid, hotkey.ss58), left.seal.encrypted);
}

/** Texts that an earlier try of a publish sent to the chain. */
const sentBy = (left: Journal | null): string[] =>
  [left?.intent?.text, left?.committed?.text].filter((text) => text !== undefined);

async function* finishPublication(publication: Publication): Work<UploadOutcome> {
  try {
    return yield* everyStep(publication);
  } catch (error) {
    sayHidden(error, publication);
    throw error;
  }
}

async function* everyStep(publication: Publication): Work<UploadOutcome> {
  const { request, place, content, resumed } = publication;
  if (resumed && publication.journal.outcome === null)
    yield note('Going on with the publish that was begun.');
  if (!(await isOnChain(publication))) {
    if (place.profile.commit.mode === 'timelock') yield* sealRisks(publication);
    else await refuseLoss(publication, null, await readStored(publication));
    if (!request.wait) await checkLimit(request, place, publication.chainText.bytes);
  }

  const commit = request.source.kind === 'elsewhere' ? null : yield* ensureUploaded(publication);
  const committed = yield* onChainThenPublic(publication, commit);

  const { journal } = publication;
  const outcome: UploadOutcome = {
    repo: request.repo,
    commit,
    pin: content.pin,
    contentHash: content.contentHash,
    commitment: committed.text,
    block: committed.block,
    hotkey: place.hotkey.ss58,
    public: commit === null ? null : await isSeen(publication, commit),
    bytesUploaded: journal.upload?.bytesUploaded ?? 0,
    resumed,
    seal: committed.seal,
  };
  if (journal.outcome && isSameOutcome(journal.outcome, outcome) && !journal.hidden) return journal.outcome;
  await record(publication, { outcome, hidden: null });
  return outcome;
}

const isSeen = async ({ request, place }: Publication, commit: string): Promise<boolean> =>
  request.makePublic || (await place.hub.anonymous().revision(request.repo, commit)) !== null;

/** The commitment, plain or sealed as the profile says, then the repository public: of a sealed one when it is due. */
async function* onChainThenPublic(
  publication: Publication,
  commit: string | null,
): Work<{ text: string; block: number; seal: PublishedSeal | null }> {
  const { makePublic, waitReveal } = publication.request;
  const text = publication.chainText.at(commit);
  if (publication.place.profile.commit.mode === 'plain') {
    const committed = yield* ensureCommitted(publication, text);
    if (makePublic && commit !== null) yield* ensurePublic(publication, commit);
    return { ...committed, seal: null };
  }
  const sealed = yield* ensureSealed(publication, text);
  if (makePublic && commit !== null) {
    yield* awaitDue(publication, sealed);
    yield* ensurePublic(publication, commit);
  }
  return waitReveal ? yield* awaitReveal(publication, sealed) : sealed;
}

/** Whether the chain holds this model's string already, so that no commitment will be sent. */
export async function isOnChain(publication: Publication): Promise<boolean> {
  const { request, place, journal, chainText, content } = publication;
  if (!journal.upload && content.source !== 'elsewhere') return false;
  const text = chainText.at(journal.upload?.commit ?? null);
  if (journal.committed?.text === text && journal.seal) return true;
  return (await currentText(place, request.netuid)) === text;
}

const isSameOutcome = (a: UploadOutcome, b: UploadOutcome): boolean =>
  a.commitment === b.commitment &&
  a.block === b.block &&
  a.public === b.public &&
  a.seal?.state === b.seal?.state;

/** Which publish this is: a second one with the same key waits for the first. */
export function keyOf(
  request: PublishRequest,
  { chain, hotkey }: Pick<Opened, 'chain' | 'hotkey'>,
): JournalKey {
  return { genesis: chain.genesisHash, netuid: request.netuid, hotkey: hotkey.ss58, repo: request.repo };
}

function changed(journal: Journal): UserError {
  const { upload, committed, intent } = journal;
  const reached = committed
    ? 'committed to the chain, not finished'
    : intent
      ? 'a commitment was about to be sent'
      : upload
        ? 'uploaded, not committed'
        : 'not yet uploaded';
  return new UserError(
    'publish.changed',
    `An unfinished publish to ${journal.repo} (begun ${journal.createdAt}, ${reached}) was of other files or other settings than these.`,
    {
      nextSteps: [
        'pt upload --resume   # once the folder is as it was',
        'pt upload --restart   # forgets that publish and begins one of the folder as it is now',
      ],
    },
  );
}
