/** `pt check`: everything that can be said of a model without loading it. */

import { stat } from 'node:fs/promises';
import type { Chain } from '../chain/types.ts';
import { EXIT, OutsideError, PtError, UserError } from '../errors.ts';
import type { Hub, HubRevision } from '../hub/types.ts';
import { findBest } from '../load/index.ts';
import {
  type InspectedFolder,
  type ModelFacts,
  openFolder,
  openRemote,
  readContent,
  remoteContent,
} from '../model/index.ts';
import type { Place } from '../place.ts';
import { type Work, warning } from '../progress.ts';
import { lookForCopies } from '../publish/index.ts';
import {
  cannotScore,
  checkModel,
  type Finding,
  isAccepted,
  parseRepoRef,
  repoLength,
  splitRepoId,
  verdictOf,
} from '../rules/index.ts';
import { formatWhole } from '../text/format.ts';
import { againstFindings, type Looked, lockFindings, type Place as Where } from './against.ts';
import { blockFor, competitionFor } from './at-block.ts';
import type { CheckedModel, CheckRequest, CheckTarget, CheckVerdict } from './types.ts';

/** Local weights up to this size are hashed unasked (about a second). */
const HASH_UP_TO = 2 * 2 ** 30;

/** An existing folder, else `namespace/name[@revision]`. Throws `UserError` `model.missing` when it is neither. */
export async function parseTarget(text: string): Promise<CheckTarget> {
  const found = await stat(text).catch(() => null);
  if (found?.isDirectory()) return { kind: 'folder', dir: text };
  const ref = found ? null : parseRepoRef(text);
  if (ref) return { kind: 'repo', ...ref };
  throw new UserError(
    'model.missing',
    `${text}: ${found ? 'is a file; name the folder that holds it' : 'is neither a folder here nor NAMESPACE/NAME[@COMMIT]'}.`,
    { nextSteps: ['pt check DIR', 'pt check NAMESPACE/NAME@COMMIT', 'pt runs'] },
  );
}

/** The verdict. Throws only for what could not be looked at: no folder (2), no Hub or repository (5). */
export async function* checkTarget(request: CheckRequest, place: Place): Work<CheckVerdict> {
  const { target } = request;
  const { profile, schedule } = place;
  const asked = request.competition === undefined ? place.competition : request.competition;
  const chain = yield* openChain(request, place);
  const revision = target.kind === 'repo' ? await findRevision(target, place) : null;
  const folder = target.kind === 'folder' ? await openFolder(target.dir, profile) : null;
  const looked = folder ?? (await openRemote(await place.hub(), revision!, profile));
  const { facts } = looked;
  const at = blockFor(schedule, profile, request.block ?? null, chain?.block ?? null);
  const chosen = competitionFor(schedule, profile, at.block, asked, facts.parameters);
  const { competition } = chosen;
  const content = folder ? yield* localContent(folder, request) : await remoteHash(facts, revision!, place);
  const king = request.against ? yield* openBeside(request.against, place) : null;
  const findings = [
    ...chosen.findings,
    ...(competition
      ? checkModel(facts, competition, profile, place.tokenizers[competition.tokenizer])
      : facts.problems),
    ...(await againstFindings(
      { facts, headers: looked.headers, at: atOf(folder, revision, await hubFor(revision, place)) },
      king?.looked ?? null,
      profile,
    )),
    ...(revision ? repositoryFindings(revision, place) : []),
    ...content.findings,
    ...(content.hash && chain
      ? [
          await lookForCopies(chain.open, place.netuid, {
            contentHashes: [content.hash, ...content.asPublished],
            revision,
            profile,
            competition,
            ownHotkeys: await place.ownHotkeys(),
            block: at.block,
          }),
        ]
      : []),
  ];
  return {
    accepted: isAccepted(findings),
    verdict: verdictOf(findings),
    model: checkedModel(folder, revision),
    profile: place.asked,
    ...at,
    competition,
    asked,
    findings,
    beside: king && { ...king.model, uid: king.uid },
    architecture: facts.architecture,
    parameters: facts.parameters,
    activeParameters: facts.activeParameters,
    bytes: facts.bytes,
    dtypes: facts.dtypes,
    contentHash: content.hash,
    hashedFiles: facts.hashedFiles,
  };
}

/** A folder's locked settings and files beside those of the chain's king, which are read by ranges; its numbers are not looked at. */
export async function* lockedToKing(dir: string, place: Place): Work<Finding[]> {
  const { facts } = await openFolder(dir, place.profile);
  const { looked } = yield* openBeside({ kind: 'king' }, place);
  return lockFindings({ facts, at: { dir } }, looked, place.profile);
}

const hubFor = async (revision: HubRevision | null, place: Place) => (revision ? place.hub() : null);

function atOf(folder: InspectedFolder | null, revision: HubRevision | null, hub: Hub | null): Where {
  return folder ? { dir: folder.dir } : { hub: hub!, revision: revision! };
}

const checkedModel = (folder: InspectedFolder | null, revision: HubRevision | null): CheckedModel =>
  revision
    ? { kind: 'repo', repo: revision.repo, commit: revision.commit }
    : { kind: 'folder', dir: folder!.dir };

/** The model that it is held beside, opened; `uid`: whose it is, where the chain said so. */
async function* openBeside(
  against: NonNullable<CheckRequest['against']>,
  place: Place,
): Work<{ looked: Looked; model: CheckedModel; uid: number | null }> {
  const king = against.kind === 'king' ? await kingOf(place) : null;
  if (king?.doubt != null) yield warning(king.doubt);
  const target = against.kind === 'king' ? { kind: 'repo' as const, ...king! } : against;
  const revision = target.kind === 'repo' ? await findRevision(target, place) : null;
  const folder = target.kind === 'folder' ? await openFolder(target.dir, place.profile) : null;
  const hub = await hubFor(revision, place);
  const { facts, headers } = folder ?? (await openRemote(hub!, revision!, place.profile));
  const looked = { facts, headers, at: atOf(folder, revision, hub) };
  return { looked, model: checkedModel(folder, revision), uid: king?.uid ?? null };
}

/** The model of the subnet's best miner, as load-best takes it. Throws `CheckError` `load.no_model`, `load.elsewhere`. */
async function kingOf(place: Place) {
  return findBest(await place.chain(), undefined, place.competition, place);
}

/** The chain's block, and its commitments when asked for. A folder can be checked without one: that is said. */
async function* openChain(
  { block = null, target }: CheckRequest,
  place: Place,
): Work<{ block: number; open: Chain } | null> {
  if (!place.reachable) return null;
  try {
    const chain = await place.chain();
    return { block: await chain.block(), open: chain };
  } catch (error) {
    if (!(error instanceof PtError)) throw error;
    if (target.kind === 'repo' && block === null && error.exitCode === EXIT.network) throw error;
    yield warning(
      `No chain: ${error.message} Copies on chain are not looked for${block === null ? ', and the newest rules of the schedule are used' : ''}.`,
    );
    return null;
  }
}

async function findRevision(
  { repo, revision }: { repo: string; revision: string | null },
  place: Place,
): Promise<HubRevision> {
  const hub = await place.hub();
  const found = await hub.revision(repo, revision ?? undefined);
  if (found) return found;
  throw new OutsideError(
    'hub.no_revision',
    `${hub.endpoint} has no ${repo}${revision ? `@${revision}` : ''}, or it is private.`,
    { nextSteps: [`Look at ${hub.endpoint}/${repo}`] },
  );
}

function repositoryFindings(revision: HubRevision, { profile }: Place): Finding[] {
  const length = [...revision.repo].length;
  const { min_chars: min, max_chars: max } = repoLength(profile);
  const limit = { min, max };
  const ok = splitRepoId(profile, revision.repo) !== null;
  return [
    {
      rule: 'repo_id',
      ok,
      actual: length,
      limit,
      message: ok
        ? `${revision.repo} has ${length} characters, ${limit.max} fit on chain.`
        : `${revision.repo} has ${length} characters; a commitment holds ${limit.min} to ${limit.max}.`,
    },
    ...(revision.private
      ? [
          {
            rule: 'visibility',
            ok: null,
            actual: 'private',
            limit: 'public',
            message:
              'The repository is private: validators see it only when it is public (`pt upload` makes it so).',
          },
        ]
      : []),
  ];
}

interface Content {
  hash: string | null;
  /** The hash of what `pt upload` would publish by default. */
  asPublished: string[];
  findings: Finding[];
}

/** A folder's hashes, as it is and as it would be published, and what is wrong with a weight. */
async function* localContent(folder: InspectedFolder, { hash, signal }: CheckRequest): Work<Content> {
  const { facts } = folder;
  const size = new Map(facts.files.map((f) => [f.path, f.size]));
  const bytes = facts.hashedFiles.reduce((sum, path) => sum + size.get(path)!, 0);
  if (bytes > HASH_UP_TO && !hash)
    return unhashed(`${formatWhole(bytes)} bytes are not hashed unasked; --hash does it.`);
  const { hash: asIs, published } = yield* readContent(folder, {
    dtype: 'bf16',
    ...(signal ? { signal } : {}),
  });
  const content = hashed(asIs, 'of the folder as it is (`pt upload` hashes what it publishes).');
  if ('contentHash' in published) return { ...content, asPublished: [published.contentHash] };
  // Whatever else cannot be published has its findings already.
  if (published.code !== 'model.not_finite') return content;
  const { message, details } = published;
  return { ...content, findings: [...content.findings, cannotScore('weights', message, details)] };
}

async function remoteHash(facts: ModelFacts, revision: HubRevision, place: Place): Promise<Content> {
  const content = await remoteContent(await place.hub(), revision, facts.hashedFiles);
  return content
    ? hashed(content.contentHash, "from the Hub's object ids.")
    : unhashed('A large file of the repository has no object id to hash by.');
}

function hashed(hash: string, how: string): Content {
  const message = `Content hash ${hash}, ${how}`;
  const finding = { rule: 'content_hash', ok: null, actual: hash, limit: null, message };
  return { hash, asPublished: [], findings: [finding] };
}

function unhashed(why: string): Content {
  const finding = { rule: 'content_hash', ok: null, actual: null, limit: null, message: why };
  return { hash: null, asPublished: [], findings: [finding] };
}
