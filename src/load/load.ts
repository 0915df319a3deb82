import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CheckError, OutsideError } from '../errors.ts';
import type { Hub, HubFile, HubRevision } from '../hub/index.ts';
import { contentHashOf, fileSha256, inspectRemote } from '../model/index.ts';
import type { Place } from '../place.ts';
import { note, type Work, warning } from '../progress.ts';
import { carriedFiles, isCommit, isPinned, manifestOf, type Profile, pinnedFiles } from '../rules/index.ts';
import { findBest, findUid, type Wanted } from './find.ts';
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

/** What loading needs of a place. */
export type LoadFrom = Pick<
  Place,
  'netuid' | 'profile' | 'schedule' | 'competition' | 'modelsDir' | 'chain' | 'hub'
>;

/** Problems of a remote model that make it useless to anyone. */
const FATAL = new Set(['architecture', 'config', 'weights', 'safetensors', 'files']);

/**
 * Downloads a model and verifies it before any file gets its final place: each file against the Hub's sha256, the whole against
 * the chain's hash. Only what loading needs is fetched, never a pickle.
 *
 * Throws `CheckError` (3) when the commitment, the size or the content is not what it should be; then `dir` is as it was.
 */
export async function* load(request: LoadRequest, place: LoadFrom): Work<LoadOutcome> {
  const hub = await place.hub();
  const wanted = await find(request, place);
  const { repo, uid } = wanted;
  const revision = await hub.revision(repo, wanted.revision ?? undefined);
  if (!revision) throw notThere(repo, wanted.revision, hub);
  const { commit } = revision;
  if (wanted.chain?.doubt != null) yield warning(wanted.chain.doubt);
  enforceSize(revision, wanted.maxBytes);
  const onChain = wanted.chain;
  const modelsDir = request.modelsDir ?? place.modelsDir;
  const dir = request.dir ?? join(modelsDir, `${repo.replace('/', '--')}@${commit.slice(0, 12)}`);
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
  const files = await chooseFiles(revision, hub, place.profile);
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

interface Found {
  uid: number | null;
  repo: string;
  /** Null: the head. */
  revision: string | null;
  maxBytes: number | null;
  /** What the chain says of it; null when nothing does. */
  chain: Wanted | null;
}

/** The competition to look in, as `meantIds` takes it. */
const asked = (request: LoadRequest, place: LoadFrom): string | null =>
  request.competition === undefined ? place.competition : request.competition;

async function find(request: LoadRequest, place: LoadFrom): Promise<Found> {
  const { source } = request;
  if (source.kind === 'repo')
    return { uid: null, repo: source.repo, revision: source.revision, maxBytes: null, chain: null };
  const chain = await place.chain();
  const wanted =
    source.kind === 'best'
      ? await findBest(chain, source.except, asked(request, place), place)
      : await findUid(chain, source.uid, place);
  return { ...wanted, chain: wanted };
}

/** The files that loading needs, and a tokenizer when there is one; nothing else leaves the Hub. */
async function chooseFiles(revision: HubRevision, hub: Hub, profile: Profile): Promise<HubFile[]> {
  const facts = await inspectRemote(hub, revision, profile);
  const fatal = facts.problems.filter((finding) => FATAL.has(finding.rule));
  if (fatal.length > 0) {
    throw new CheckError(
      'load.bad_model',
      `${revision.repo} cannot be loaded: ${fatal.map((finding) => finding.message).join(' ')}`,
      { nextSteps: [`pt check ${revision.repo}@${revision.commit}`], details: { findings: fatal } },
    );
  }
  const paths = new Set(revision.files.map((file) => file.path));
  // Where one file is the model, nothing else is vouched for; and what the subnet forbids is of no use to anybody.
  const forbidden = new Set(manifestOf([...paths], profile).forbidden);
  const carried =
    profile.pin.store === 'file' ? pinnedFiles([...paths]) : carriedFiles(paths, facts.hashedFiles, profile);
  const names = new Set(carried.filter((path) => !forbidden.has(path)));
  return revision.files.filter((file) => names.has(file.path));
}

/** All files of the revision count, as validators count them. */
function enforceSize(revision: HubRevision, maxBytes: number | null): void {
  const bytes = revision.files.reduce((sum, file) => sum + file.size, 0);
  if (maxBytes === null || bytes <= maxBytes) return;
  throw new CheckError(
    'load.too_large',
    `${revision.repo} has ${bytes} bytes; its competition allows ${maxBytes}. Validators do not load it either.`,
    { nextSteps: ['pt status'], details: { bytes, limit: maxBytes } },
  );
}

function notThere(repo: string, revision: string | null, hub: Hub): OutsideError {
  const which = revision === null ? repo : `${repo}@${isCommit(revision) ? revision.slice(0, 8) : revision}`;
  return new OutsideError('load.not_on_hub', `${which} is not on ${hub.endpoint}, or is private.`, {
    nextSteps: ['pt status   # other models', 'Set HF_ACCESS_TOKEN if the repository is yours and private.'],
  });
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
