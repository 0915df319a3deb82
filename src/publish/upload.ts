import { OutsideError, UserError } from '../errors.ts';
import type { HubFile, HubRevision } from '../hub/types.ts';
import { note, type Work } from '../progress.ts';
import { isCommit, parseCommitment } from '../rules/index.ts';
import { formatBytes } from '../text/format.ts';
import { refuseNewer } from './commit.ts';
import { heldOf } from './held.ts';
import { comeBack, commitUnseen } from './hidden.ts';
import { awaitLimit } from './limit.ts';
import { findingsOf } from './preconditions.ts';
import { type Publication, record } from './publication.ts';
import { compareRevision, holdsExactly, totalBytes } from './repository.ts';
import { readStanding } from './seal-risk.ts';
import type { Opened } from './types.ts';
import { requireScorable } from './verdict.ts';

/**
 * When the chain already holds a revision with exactly these files, that is the one: `journal.upload` then names it, even if the
 * branch has moved on (a README edited later) or the journal was lost. With `--commit-only` the revision was named by the user.
 */
export async function adoptFromChain(publication: Publication): Promise<void> {
  const { place, request, content, journal, chainText } = publication;
  if (journal.upload || content.source === 'elsewhere') return;
  if (content.commit !== null) {
    publication.journal = { ...journal, upload: { commit: content.commit, bytesUploaded: 0 } };
    return;
  }
  const current = await currentText(place, request.netuid);
  const commit = parseCommitment(place.profile, current)?.commit;
  if (!commit || !isCommit(commit)) return;
  if (current !== chainText.at(commit)) return;
  if (!(await isThere(await place.hub.revision(request.repo, commit), publication))) return;
  publication.journal = { ...journal, upload: { commit, bytesUploaded: 0 } };
}

/** The text that validators go by now: what stands in the open, or what was opened last. */
export async function currentText(
  { chain, hotkey, profile }: Pick<Opened, 'chain' | 'hotkey' | 'profile'>,
  netuid: number,
): Promise<string | null> {
  if (profile.commit.mode === 'plain') return (await chain.commitment(netuid, hotkey.ss58))?.text ?? null;
  const stored = await chain.storeOf(netuid, hotkey.ss58);
  return heldOf(stored, profile, stored.beacon).current?.text ?? null;
}

/**
 * Brings exactly this model onto the Hub, unseen by others, and confirms every object; afterwards `journal.upload` names the revision.
 * What is there already is found and used, whoever put it there: nothing is uploaded twice. A repository that others can load from stays
 * public while objects are sent, which nobody finds before a revision names them; it is private for the commit only (hidden.ts).
 */
export async function* ensureUploaded(publication: Publication): Work<string> {
  const { place, request, content, files, journal } = publication;
  if (journal.upload) {
    const revision = await place.hub.revision(request.repo, journal.upload.commit);
    if (await isThere(revision, publication)) {
      if (journal.hidden && request.publicUpload) await revealNow(publication);
      return journal.upload.commit;
    }
    if (journal.committed || content.source === 'hub') throw gone(request.repo, journal.upload.commit);
  }

  // A run that was killed between hiding and committing left what was there before private.
  await comeBack(publication);
  const head = await place.hub.revision(request.repo);
  const before = await compareRevision(head, files);
  refuseBeside(publication, before.kept);
  if (before.kept.length > 1) {
    yield note(
      `${request.repo} also holds ${before.kept.length} other files (${formatBytes(totalBytes(before.kept))}); validators count their bytes.`,
    );
  }
  if (head && holdsExactly(before)) {
    yield note(`The Hub already holds exactly these files (${head.commit.slice(0, 8)}): nothing to upload.`);
    await record(publication, {
      upload: { commit: head.commit, bytesUploaded: 0 },
      wasPublic: !head.private,
    });
    return head.commit;
  }

  await checkReadme(publication, before.missing);
  const { wasPublic } = publication.journal;
  if (wasPublic === null) await record(publication, { wasPublic: head !== null && !head.private });
  if (head === null) await place.hub.createRepo(request.repo, { private: true });
  if (before.foreign.length > 0)
    yield note(
      `Files of another model go in the same commit: ${listed(before.foreign.map((file) => file.path))}.`,
    );
  const staged = yield* place.hub.stage({
    repo: request.repo,
    files,
    message: 'Publish model',
    deletePaths: before.foreign.map((file) => file.path),
    createPrivate: true,
    ...(head ? { parentCommit: head.commit } : {}),
    ...(request.signal ? { signal: request.signal } : {}),
  });
  // Hours may have passed: what would stop the commitment is better known while nothing is hidden.
  refuseNewer(publication, await readStanding(publication));
  yield* awaitLimit(request, place, publication.chainText.bytes);
  const result = yield* commitUnseen(publication, head, staged);
  const revision = await place.hub.revision(request.repo, result.commit);
  if (!(await isThere(revision, publication))) throw notConfirmed(request.repo, result.commit);
  await record(publication, { upload: { commit: result.commit, bytesUploaded: result.bytesUploaded } });
  yield note(`Uploaded and confirmed ${files.length} files as ${request.repo}@${result.commit.slice(0, 8)}.`);
  return result.commit;
}

/** Throws as `requireScorable` where the model is refused for what its repository holds besides, whose bytes validators count. */
export function refuseBeside({ model, place, request }: Publication, kept: HubFile[]): void {
  if (model === null) return;
  const facts = { ...model.facts, bytes: model.facts.bytes + totalBytes(kept) };
  requireScorable(findingsOf(facts, model.competition, place), request.noCheck);
}

/** The Hub refuses a commit whose README has front matter that it cannot read: asked before the first byte. */
export async function checkReadme({ place, files }: Publication, toSend: string[]): Promise<void> {
  const readme = files.find(({ path }) => path === 'README.md' && toSend.includes(path));
  if (!readme) return;
  const chunks: Uint8Array[] = [];
  for await (const chunk of readme.open()) chunks.push(Uint8Array.from(chunk));
  await place.hub.checkReadme(Buffer.concat(chunks).toString('utf8'));
}

async function revealNow(publication: Publication): Promise<void> {
  await publication.place.hub.setVisibility(publication.request.repo, { private: false });
  await record(publication, { hidden: null });
}

async function isThere(revision: HubRevision | null, { files, content }: Publication): Promise<boolean> {
  if (revision === null) return false;
  const comparison = await compareRevision(revision, files);
  // What else a revision named by the user holds was his choice; the check counted its bytes.
  return content.source === 'hub' ? comparison.missing.length === 0 : holdsExactly(comparison);
}

function gone(repo: string, commit: string): UserError {
  return new UserError(
    'publish.revision_gone',
    `The Hub no longer shows ${repo}@${commit.slice(0, 8)} with the files of this publish.`,
    { nextSteps: ['pt upload --restart   # uploads again and commits the new revision'] },
  );
}

function notConfirmed(repo: string, commit: string): OutsideError {
  return new OutsideError(
    'publish.not_confirmed',
    `The Hub accepted the upload but ${repo}@${commit.slice(0, 8)} does not list exactly the files that were sent.`,
    { nextSteps: ['pt upload --resume'] },
  );
}

const listed = (paths: string[]): string =>
  paths.length > 5 ? `${paths.slice(0, 5).join(', ')} and ${paths.length - 5} more` : paths.join(', ');
