import { PtError } from '../errors.ts';
import type { HubRevision, Staged, UploadResult } from '../hub/types.ts';
import type { Place } from '../place.ts';
import { type Work, warning } from '../progress.ts';
import { type Journal, readJournals } from './journal.ts';
import { type Publication, record } from './publication.ts';

/**
 * A public repository is private from just before its commit until the chain names that commit, because who sees the model first can commit
 * it first. What it held before is hidden for that long too, and that may be what is being paid: so it is written down, undone when the
 * commit fails, and said whenever it is left so.
 */

/** Makes the commit, unseen by others. When it fails, what the repository held can be loaded again, or the journal says that it cannot. */
export async function* commitUnseen(
  publication: Publication,
  head: HubRevision | null,
  staged: Staged,
): Work<UploadResult> {
  const { place, request } = publication;
  const { repo } = request;
  if (head === null || head.private) return await staged.commit();
  if (request.publicUpload) {
    yield warning(`${repo} stays public: the model can be copied before it is on chain.`);
    return await staged.commit();
  }
  yield warning(
    `${repo} is public: it is private from now until the new model is on chain, then public again.`,
  );
  await record(publication, { hidden: { head: head.commit, since: new Date().toISOString() } });
  try {
    await place.hub.setVisibility(repo, { private: true });
    return await staged.commit();
  } catch (error) {
    await comeBack(publication);
    throw error;
  }
}

/**
 * Makes the repository public again when it still holds what others could load before. With another head (the new model, which the chain
 * does not name yet) it stays private. What cannot be done or known now is left to the next run: the journal has it.
 */
export async function comeBack(publication: Publication): Promise<void> {
  const { place, request, journal } = publication;
  if (!journal.hidden) return;
  try {
    const head = await place.hub.revision(request.repo);
    if (head?.commit !== journal.hidden.head) return;
    if (head.private) await place.hub.setVisibility(request.repo, { private: false });
    await record(publication, { hidden: null });
  } catch (error) {
    if (!(error instanceof PtError)) throw error;
  }
}

/** Adds to an error that the repository is left private, and what ends that. */
export function sayHidden(error: unknown, { journal, place, request }: Publication): void {
  if (!journal.hidden || !(error instanceof Error)) return;
  error.message += ` ${hiddenText(journal)}`;
  if (!(error instanceof PtError)) return;
  error.details.hidden = { repo: journal.repo, since: journal.hidden.since };
  error.nextSteps.push(...hiddenSteps(journal.repo, place.hub.endpoint, request.wait));
}

export const hiddenText = ({ repo, hidden }: Pick<Journal, 'repo' | 'hidden'>): string =>
  `${repo} is private since ${hidden?.since}: what it held before cannot be downloaded by validators until this publish is finished.`;

export const hiddenSteps = (repo: string, hub: string | null, wait = false): string[] => [
  `The same pt upload with --resume${wait ? ' --wait' : ''}   # finishes it, and makes ${repo} public`,
  'The same with --resume --public-upload   # makes it public first: the new model can be copied before it is on chain',
  ...(hub === null ? [] : [`Or make it public by hand: ${hub}/${repo}/settings`]),
];

/** Repositories that publishes from this machine to this subnet left private, and that others cannot see now. */
export async function hiddenRepositories(
  place: Pick<Place, 'home' | 'netuid' | 'hub'>,
  genesis: string,
): Promise<Pick<Journal, 'repo' | 'hidden'>[]> {
  const journals = await readJournals(place.home);
  const hidden = journals.filter(
    (journal) => journal.hidden && journal.netuid === place.netuid && journal.genesis === genesis,
  );
  const seen = await Promise.all(
    hidden.map(async ({ repo, hidden }) => {
      try {
        return (await (await place.hub()).anonymous().revision(repo, hidden!.head)) !== null;
      } catch {
        return false; // Nobody knows: better said once too often.
      }
    }),
  );
  return hidden.filter((_, index) => !seen[index]);
}
