import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CheckError } from '../errors.ts';
import { contentHashOf, fileSha256 } from '../model/index.ts';
import { note, type Work, warning } from '../progress.ts';
import { isPinned, type Profile, pinnedFiles } from '../rules/index.ts';
import type { Wanted } from './find.ts';
import { asked, chooseFiles, type Found, findRevision, type LoadFrom } from './look.ts';
import { openTarget } from './target.ts';
import type { LoadRequest } from './types.ts';

/** A model that is on this machine now. */
export interface LoadOutcome {
  uid: number | null;
  repo: string;
  commit: string;
  dir: string;
  contentHash: string;
  /** Whether it was compared with what the chain's text pins (and equal); false where that pins nothing, and for `--repo`. */
  verified: boolean;
}

/**
 * Downloads a model and verifies it before any file gets its final place: each file against the Hub's sha256, the whole against
 * the chain's hash. Only what loading needs is fetched, never a pickle.
 *
 * Throws `CheckError` (3) when the commitment, the size or the content is not what it should be; then `dir` is as it was.
 */
export async function* load(request: LoadRequest, place: LoadFrom): Work<LoadOutcome> {
  const { hub, wanted, revision, dir } = yield* findRevision(request, place);
  const { repo, uid, chain: onChain } = wanted;
  const { commit } = revision;
  const target = await openTarget(dir, `${repo}@${commit}`, request.force ?? false);
  const outcome = (found: Compared): LoadOutcome => ({
    uid,
    repo,
    commit,
    dir: target.dir,
    contentHash: found.contentHash,
    verified: found.pinned === true,
  });
  const compare = (folder: string) => compared(folder, onChain, commit, place.profile);

  if (target.occupied) {
    // A folder named after the commit got its name only after everything was verified; any other one must prove it.
    const found = await compare(target.dir);
    if (found.pinned === true || (found.pinned === null && !request.dir)) {
      yield note(`${target.dir} already holds this model.`);
      return outcome(found);
    }
    target.refuseOccupied();
  }
  const { files, facts } = await chooseFiles(revision, hub, place.profile);
  if (request.before !== undefined) yield* request.before(facts);
  const competition = onChain?.competition ?? null;
  const which = competition === null ? '' : ` of competition ${competition}`;
  const unasked = request.source.kind === 'best' && competition !== null && asked(request, place) === null;
  yield note(
    `Loading ${repo}@${commit.slice(0, 8)}${which}${unasked ? ', the best of all that are open (--competition names one)' : ''}.`,
  );
  try {
    yield* hub.download({
      repo,
      revision: commit,
      files,
      dir: target.temporary,
      ...(wanted.maxBytes === null ? {} : { maxBytes: wanted.maxBytes }),
      ...(request.signal ? { signal: request.signal } : {}),
    });
  } catch (error) {
    // What a broken connection left is gone on with; content that is wrong is not kept.
    if (error instanceof CheckError) await target.discard();
    throw error;
  }
  const found = await compare(target.temporary);
  if (found.pinned === false) {
    await target.discard();
    throw mismatch(wanted, found.contentHash);
  }
  if (onChain !== null && found.pinned === null)
    yield warning(
      `Nothing on chain pins what uid ${uid} committed: this is what ${wanted.revision ?? 'the branch main'} of ${repo} holds now.`,
    );
  await target.settle();
  return outcome(found);
}

interface Compared {
  contentHash: string;
  /** Null: nothing on chain pins it. */
  pinned: boolean | null;
}

/** A folder's content, and whether it is what the chain's text pins. */
async function compared(
  dir: string,
  onChain: Wanted | null,
  commit: string,
  profile: Profile,
): Promise<Compared> {
  const contentHash = await contentHashOf(dir, profile);
  if (onChain === null) return { contentHash, pinned: null };
  const files = profile.pin.store === 'file' ? pinnedFiles(await readdir(dir)) : [];
  const sha256 = new Set(await Promise.all(files.map((path) => fileSha256(join(dir, path)))));
  return {
    contentHash,
    pinned: isPinned(profile, onChain.id, { commit, contentHash, sha256 }, onChain.hotkey),
  };
}

function mismatch({ repo, uid, chain }: Found, contentHash: string): CheckError {
  return new CheckError(
    'load.hash_mismatch',
    `${repo} does not hold what uid ${uid} committed: its content hash is ${contentHash}, the chain says ${JSON.stringify(
      (chain?.id.secureHash ?? chain?.id.hash ?? chain?.id.pin ?? '').slice(0, 100),
    )}.`,
    { nextSteps: ['Do not use this model; choose another: pt status'], details: { contentHash } },
  );
}
