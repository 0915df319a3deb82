import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { OutsideError } from '../errors.ts';
import type { Hub } from '../hub/index.ts';
import { note, type Work } from '../progress.ts';
import type { Publication } from './publication.ts';

const LOOKS = 5;
const PAUSE_MS = 400;

/** As much of a file as is downloaded to see that it can be. */
const PROBE = 1 << 20;

type File = Publication['content']['files'][number];

/** The file that a stranger's download is tried with: the config, or the smallest where there is none. */
export const probeOf = (files: readonly File[]): File | undefined =>
  files.find(({ path }) => path === 'config.json') ?? files.toSorted((a, b) => a.size - b.size)[0];

/** Makes the repository public and sees, without a token, that strangers get what was committed. */
export async function* ensurePublic(publication: Publication, commit: string): Work<void> {
  const { place, request, content } = publication;
  const probe = probeOf(content.files);
  const stranger = place.hub.anonymous();
  if (!(await canRead(stranger, request.repo, commit, probe))) {
    await place.hub.setVisibility(request.repo, { private: false });
    if (!(await becomesReadable(stranger, request.repo, commit, probe, request.signal)))
      throw notPublic(request.repo);
    yield note(`${request.repo} is public; a download without a token works.`);
  }
}

async function becomesReadable(
  hub: Hub,
  repo: string,
  commit: string,
  probe: File | undefined,
  signal?: AbortSignal,
): Promise<boolean> {
  for (let look = 0; look < LOOKS; look += 1) {
    if (await canRead(hub, repo, commit, probe)) return true;
    await sleep(PAUSE_MS * 2 ** look, undefined, signal ? { signal } : {});
  }
  return false;
}

/** Whether this Hub, as seen here, gives exactly this file of this revision: of a large one its beginning. */
async function canRead(hub: Hub, repo: string, commit: string, probe: File | undefined): Promise<boolean> {
  const revision = await hub.revision(repo, commit);
  if (revision === null || probe === undefined) return revision !== null;
  const { path, size, sha256 } = probe;
  if (revision.files.find((file) => file.path === path)?.size !== size) return false;
  const bytes = await hub.range(repo, commit, path, 0, Math.min(size, PROBE));
  return size > PROBE ? bytes.length === PROBE : createHash('sha256').update(bytes).digest('hex') === sha256;
}

function notPublic(repo: string): OutsideError {
  return new OutsideError(
    'publish.not_public',
    `${repo} was made public but cannot be downloaded without a token yet; validators cannot load it.`,
    { nextSteps: ['pt upload --resume', `Look at the visibility in the settings of ${repo} on the Hub.`] },
  );
}
