import { CheckError, UserError } from '../errors.ts';
import type { UploadFile } from '../hub/index.ts';
import { inspectRemote, type ModelFacts, openFolder, planFolder, remoteContent } from '../model/index.ts';
import { note, type Work } from '../progress.ts';
import {
  boundHash,
  type Competition,
  cannotTell,
  checkNames,
  competitionLabel,
  type Finding,
  fieldsOf,
  loadedDtype,
  NOT_JUDGED,
  namesCompetition,
  notJudged,
} from '../rules/index.ts';
import { type ChainText, chainText } from './chain-text.ts';
import { lookForCopies } from './copies.ts';
import type { JournalContent } from './journal.ts';
import { competitionFor, findingsOf } from './preconditions.ts';
import type { Opened, PublishRequest, PublishSource } from './types.ts';

/** A model ready to be sent: read, cast and hashed once, and held against the rules. */
export interface Prepared {
  content: JournalContent;
  /** What will be on chain. */
  chainText: ChainText;
  files: UploadFile[];
  /** Null: what is published is elsewhere, and nothing of it was looked at. */
  model: { facts: ModelFacts; competition: Competition } | null;
  findings: Finding[];
}

/** Reads, checks, casts and hashes what is to be published; sends nothing. `findings` are for `passVerdict` to judge. */
export async function* prepareModel(request: PublishRequest, place: Opened): Work<Prepared> {
  const block = await place.chain.block();
  const { source } = request;
  const prepared =
    source.kind === 'folder'
      ? yield* prepareFolder(request, place, source, block)
      : source.kind === 'hub'
        ? await prepareRevision(request, place, source.commit, block)
        : preparePin(request, place, source.pin);
  const findings = [...prepared.findings, ...(await nameFindings(request, place, block))];
  const { contentHash } = prepared.content;
  if (prepared.model === null || contentHash === null) return { ...prepared, findings };
  const copies = await lookForCopies(place.chain, request.netuid, {
    contentHashes: [contentHash],
    revision: source.kind === 'hub' ? { repo: request.repo, commit: source.commit } : null,
    profile: place.profile,
    competition: prepared.model.competition,
    ownHotkeys: new Set([...(await place.ownHotkeys()), place.hotkey.ss58]),
    block,
  });
  return { ...prepared, findings: [...findings, copies] };
}

/** What the name must hold of the owner's keys: a seal that validators refuse cannot be taken back. */
export async function nameFindings(
  { repo }: Pick<PublishRequest, 'repo'>,
  { chain, hotkey: { ss58: hotkey }, profile }: Opened,
  block: number,
): Promise<Finding[]> {
  // As the chain has it, which is what validators read; only some profiles ask.
  const asksColdkey = profile.repo.contains?.some(({ of }) => of === 'coldkey') ?? false;
  const owner = { hotkey, coldkey: asksColdkey ? await chain.ownerOf(hotkey) : null };
  return checkNames(repo, owner, profile, block);
}

/** Of what is elsewhere there is only the text; the findings say what that leaves open. */
function preparePin(request: PublishRequest, place: Opened, pin: string): Prepared {
  const { profile, profileName } = place;
  const content: JournalContent = {
    ...{ source: 'elsewhere', commit: null, pin, profile: profileName, competition: null, dtype: null },
    ...{ contentHash: null, chainHash: null, files: [] },
  };
  const named = fieldsOf(profile.commit.format).some(({ name }) => name === 'repo' || name === 'repo_name');
  const where = named
    ? `whether ${request.repo} has it; pt looked at nothing of it`
    : `where it is; this text names no repository, and ${request.repo} is only what this publish is called here`;
  const unseen = `${NOT_JUDGED}what ${pin} holds, and ${where}.`;
  return {
    content,
    chainText: chainText(request, place, content),
    files: [],
    model: null,
    findings: [cannotTell('not_judged', unseen), ...notJudged(profile)],
  };
}

async function* prepareFolder(
  request: PublishRequest,
  place: Opened,
  { dir, dtype: asked }: Extract<PublishSource, { kind: 'folder' }>,
  block: number,
): Work<Prepared> {
  const folder = await openFolder(dir, place.profile);
  const meant = () => competitionFor(request, place, block, folder.facts.parameters);
  const dtype = asked ?? loadedDtype(meant());
  if (asked === null) {
    const { dtypes } = folder.facts;
    // What is no fp32 is cast to nothing wider.
    const kept = dtype === 'fp32' && !dtypes.includes('F32');
    yield note(
      kept
        ? `Weights are published as they are, in ${dtypes.join(', ')} (--dtype overrides).`
        : `Weights are published in ${dtype}, as validators load them in ${competitionLabel(meant())} (--dtype overrides).`,
    );
  }
  const plan = yield* planFolder(folder, {
    dtype,
    unchecked: request.noCheck,
    ...(request.signal ? { signal: request.signal } : {}),
  });
  // Only now: what cannot be read at all is said before what it could be meant for.
  const competition = meant();
  const findings = findingsOf(plan.facts, competition, place);
  const content = contentOf(request, place, competition, { ...plan, dtype, commit: null });
  const { files, facts } = plan;
  return {
    ...{ files, model: { facts, competition }, findings },
    ...{ content, chainText: chainText(request, place, content) },
  };
}

async function prepareRevision(
  request: PublishRequest,
  place: Opened,
  commit: string,
  block: number,
): Promise<Prepared> {
  const { hub } = place;
  const revision = await hub.revision(request.repo, commit);
  if (!revision) {
    throw new UserError('publish.no_revision', `--commit-only: the Hub has no ${request.repo}@${commit}.`, {
      nextSteps: [`Look at ${hub.endpoint}/${request.repo}/commits/main for the full commit id.`],
    });
  }
  const facts = await inspectRemote(hub, revision, place.profile);
  const competition = competitionFor(request, place, block, facts.parameters);
  const findings = findingsOf(facts, competition, place);
  const remote = await remoteContent(hub, revision, facts.hashedFiles);
  if (!remote) {
    throw new CheckError(
      'publish.no_object_id',
      `--commit-only: ${request.repo}@${commit} has a large file without an object id, so its content hash cannot be told from the Hub.`,
      {
        nextSteps: [
          `pt load --repo ${request.repo}@${commit} --dir model`,
          `pt upload --load-model-dir model --hf-repo-id ${request.repo}`,
        ],
      },
    );
  }
  const content = contentOf(request, place, competition, { ...remote, dtype: null, commit });
  return {
    content,
    chainText: chainText(request, place, content),
    files: remote.files,
    model: { facts, competition },
    findings,
  };
}

function contentOf(
  request: PublishRequest,
  place: Opened,
  competition: Competition,
  model: {
    files: UploadFile[];
    contentHash: string;
    dtype: 'bf16' | 'fp32' | null;
    commit: string | null;
  },
): JournalContent {
  const { profile, profileName, hotkey } = place;
  const bound = profile.pretraining?.hash === 'hotkey_bound' || request.useHotkeyInHash;
  return {
    source: request.source.kind,
    commit: model.commit,
    pin: null,
    profile: profileName,
    competition: namesCompetition(profile) ? competition.id : null,
    dtype: model.dtype,
    contentHash: model.contentHash,
    chainHash: bound ? boundHash(model.contentHash, hotkey.ss58) : model.contentHash,
    files: model.files.map(({ path, size, sha256 }) => ({ path, size, sha256 })),
  };
}
