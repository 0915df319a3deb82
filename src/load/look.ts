/** What a model to load is, and which of its files are needed: from the chain, the Hub's listing, its config and headers alone. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CheckError, OutsideError } from '../errors.ts';
import type { Hub, HubFile, HubRevision } from '../hub/index.ts';
import { inspectRemote, type ModelFacts } from '../model/index.ts';
import type { Place } from '../place.ts';
import { type Work, warning } from '../progress.ts';
import { carriedFiles, isCommit, manifestOf, type Profile, pinnedFiles } from '../rules/index.ts';
import { findBest, findUid, type Wanted } from './find.ts';
import type { LoadRequest } from './types.ts';

/** What loading needs of a place. */
export type LoadFrom = Pick<
  Place,
  'netuid' | 'profile' | 'schedule' | 'competition' | 'modelsDir' | 'chain' | 'hub'
>;

/** A model as it would be loaded. */
export interface LookedAt {
  uid: number | null;
  repo: string;
  commit: string;
  /** The folder that it would have, or has. */
  dir: string;
  /** Bytes that would be downloaded; 0: it is here. */
  bytes: number;
  facts: ModelFacts;
}

/** Problems of a remote model that make it useless to anyone. */
const FATAL = new Set(['architecture', 'config', 'weights', 'safetensors', 'files']);

/** What `load` would load; nothing but config and headers is read. Throws as `load` does for what is known before a download. */
export async function* lookAt(request: LoadRequest, place: LoadFrom): Work<LookedAt> {
  const { hub, wanted, revision, dir } = yield* findRevision(request, place);
  const { files, facts } = await chooseFiles(revision, hub, place.profile);
  const here = (await readdir(dir).catch(() => [])).length > 0;
  const bytes = here ? 0 : files.reduce((sum, { size }) => sum + size, 0);
  return { uid: wanted.uid, repo: wanted.repo, commit: revision.commit, dir, bytes, facts };
}

/** The revision that is meant, and the folder that it has here. */
export async function* findRevision(
  request: LoadRequest,
  place: LoadFrom,
): Work<{ hub: Hub; wanted: Found; revision: HubRevision; dir: string }> {
  const hub = await place.hub();
  const wanted = await find(request, place);
  const { repo } = wanted;
  const revision = await hub.revision(repo, wanted.revision ?? undefined);
  if (!revision) throw notThere(repo, wanted.revision, hub);
  if (wanted.chain?.doubt != null) yield warning(wanted.chain.doubt);
  enforceSize(revision, wanted.maxBytes);
  const modelsDir = request.modelsDir ?? place.modelsDir;
  const own = `${repo.replace('/', '--')}@${revision.commit.slice(0, 12)}`;
  return { hub, wanted, revision, dir: request.dir ?? join(modelsDir, own) };
}

export interface Found {
  uid: number | null;
  repo: string;
  /** Null: the head. */
  revision: string | null;
  maxBytes: number | null;
  /** What the chain says of it; null when nothing does. */
  chain: Wanted | null;
}

/** The competition to look in, as `meantIds` takes it. */
export const asked = (request: LoadRequest, place: LoadFrom): string | null =>
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
export async function chooseFiles(
  revision: HubRevision,
  hub: Hub,
  profile: Profile,
): Promise<{ files: HubFile[]; facts: ModelFacts }> {
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
  return { files: revision.files.filter((file) => names.has(file.path)), facts };
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
