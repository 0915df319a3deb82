import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { OutsideError } from '../errors.ts';
import type { Hub } from '../hub/index.ts';
import type { Work } from '../progress.ts';
import type { Publication } from './publication.ts';

const LOOKS = 5;
const PAUSE_MS = 400;

/** Makes the repository public and sees, without a token, that strangers get the config that was committed. */
export async function* ensurePublic(publication: Publication, commit: string): Work<void> {
  const { place, request, content } = publication;
  const config = content.files.find((file) => file.path === 'config.json')!;
  const stranger = place.hub.anonymous();
  if (!(await canRead(stranger, request.repo, commit, config))) {
    await place.hub.setVisibility(request.repo, { private: false });
    if (!(await becomesReadable(stranger, request.repo, commit, config, request.signal)))
      throw notPublic(request.repo);
    yield {
      kind: 'note',
      level: 'info',
      message: `${request.repo} is public; a download without a token works.`,
    };
  }
}

async function becomesReadable(
  hub: Hub,
  repo: string,
  commit: string,
  config: { path: string; size: number; sha256: string },
  signal?: AbortSignal,
): Promise<boolean> {
  for (let look = 0; look < LOOKS; look += 1) {
    if (await canRead(hub, repo, commit, config)) return true;
    await sleep(PAUSE_MS * 2 ** look, undefined, signal ? { signal } : {});
  }
  return false;
}

/** Whether this Hub, as seen here, gives exactly this file of this revision. */
async function canRead(
  hub: Hub,
  repo: string,
  commit: string,
  { path, size, sha256 }: { path: string; size: number; sha256: string },
): Promise<boolean> {
  const revision = await hub.revision(repo, commit);
  if (revision?.files.find((file) => file.path === path)?.size !== size) return false;
  const bytes = await hub.range(repo, commit, path, 0, size);
  return createHash('sha256').update(bytes).digest('hex') === sha256;
}

function notPublic(repo: string): OutsideError {
  return new OutsideError(
    'publish.not_public',
    `${repo} was made public but cannot be downloaded without a token yet; validators cannot load it.`,
    { nextSteps: ['pt upload --resume', `Look at the visibility in the settings of ${repo} on the Hub.`] },
  );
}
