import type { Place } from '../place.ts';
import { note, type Work, warning } from '../progress.ts';
import { type Finding, reasonsAgainst } from '../rules/index.ts';
import { formatBytes } from '../text/format.ts';
import { heldOf } from './held.ts';
import { journalPath, readJournal } from './journal.ts';
import { retirement } from './may-write.ts';
import { open, requestOf } from './open.ts';
import { checkAccount } from './preconditions.ts';
import { prepareModel } from './prepare.ts';
import type { Publication } from './publication.ts';
import { goesOnWith, isOnChain, keyOf, openPublication } from './publish.ts';
import { sideBySide } from './replaced.ts';
import { compareRevision, holdsExactly, totalBytes } from './repository.ts';
import { probeOf } from './reveal.ts';
import { beaconOf, holdsSeal, readStored, refuseLoss, roundOf, sealRisks, whenOf } from './seal-risk.ts';
import type { PlannedStep, PublishOrder, UploadPlan } from './types.ts';
import { checkReadme, refuseBeside } from './upload.ts';
import { passVerdict } from './verdict.ts';

/**
 * What `publish` would do now, step by step with sizes: every check is made for real, nothing is written anywhere.
 * Throws what `publish` would throw before its first byte, except for the limit, which is told as a step.
 */
export async function* previewPublish(order: PublishOrder, where: Place): Work<UploadPlan> {
  const [request, place] = [requestOf(order, where), await open(where, order.source)];
  await checkAccount(request, place);
  const { message } = retirement(request.netuid, place);
  if (message !== null) yield warning(message);
  const path = journalPath(place.home, keyOf(request, place));
  const prepared = yield* prepareModel(request, place);
  yield* passVerdict({ ...request, ask: async () => {} }, prepared.findings);
  const standing = await place.chain.commitment(request.netuid, place.hotkey.ss58);
  const left = await readJournal(path).catch(() => null);
  if (standing !== null && !(await goesOnWith(standing, left, prepared, request, place)))
    yield note(await sideBySide(standing, request, place));
  const publication = await openPublication(request, place, prepared, { path, standing });
  const { journal, content, files, chainText } = publication;
  if (!(await isOnChain(publication))) {
    if (place.profile.commit.mode === 'timelock') yield* sealRisks(publication);
    else await refuseLoss(publication, null, await readStored(publication));
  }
  const shared = {
    dryRun: true as const,
    repo: request.repo,
    contentHash: content.contentHash,
    hotkey: place.hotkey.ss58,
    files: content.files,
  };
  if (content.source === 'elsewhere') {
    const world = {
      uploaded: true,
      visible: null,
      commitment: chainText.at(null),
      missing: new Set<string>(),
    };
    const steps = (await stepsOf(publication, world)).filter(({ step }) => !OF_HUB.has(step));
    return { ...shared, commitment: world.commitment, deletes: [], steps };
  }
  const known = journal.upload?.commit ?? null;
  const commit = known ?? content.commit;
  const revision = await place.hub.revision(request.repo, commit ?? undefined);
  const comparison = await compareRevision(revision, files);
  if (content.source === 'folder') {
    refuseBeside(publication, comparison.kept);
    await checkReadme(publication, comparison.missing);
  }
  const uploaded = revision !== null && (content.source === 'hub' || holdsExactly(comparison));
  const at = commit ?? (uploaded ? revision.commit : null);
  const commitment = at === null ? null : chainText.at(at);
  return {
    ...shared,
    commitment: commitment ?? chainText.withGap,
    deletes: content.source === 'hub' || uploaded ? [] : comparison.foreign.map((file) => file.path),
    steps: await stepsOf(publication, {
      uploaded,
      visible: revision ? !revision.private : null,
      commitment,
      missing: new Set(comparison.missing),
    }),
  };
}

/** Steps that only a repository of the Hub needs. */
const OF_HUB: ReadonlySet<PlannedStep['step']> = new Set([
  'private',
  'upload',
  'confirm',
  'public',
  'confirm-public',
]);

/** What nobody can tell is no rule that is not met. */
function rulesMet(findings: Finding[]): string {
  const reasons = reasonsAgainst(findings);
  const open = reasons.filter(({ verdict }) => verdict === 'unknown').length;
  const said = [
    ...(reasons.length > open ? [`${reasons.length - open} not met`] : []),
    ...(open > 0 ? [`${open} cannot be told`] : []),
  ];
  return `${findings.length} rules, ${said.length === 0 ? 'all met by' : `${said.join(', ')}, for`}`;
}

interface World {
  uploaded: boolean;
  /** Null: no such repository. */
  visible: boolean | null;
  /** Null: not known before the upload. */
  commitment: string | null;
  missing: Set<string>;
}

async function stepsOf(publication: Publication, world: World): Promise<PlannedStep[]> {
  const { request, place, files, findings, content, chainText, journal } = publication;
  const sealing = place.profile.commit.mode === 'timelock';
  const stored = await place.chain.storeOf(request.netuid, place.hotkey.ss58);
  const held = heldOf(stored, place.profile, stored.beacon);
  const current = sealing ? held.current : stored.entry;
  const waits = journal.seal?.text === world.commitment && holdsSeal(stored, journal.seal?.encrypted);
  const opened = current !== null && current.text === world.commitment;
  const onChain = opened || (waits && held.state === 'sealed');
  const limit = await place.chain.commitLimit(request.netuid, place.hotkey.ss58, chainText.bytes);
  const toSend = files.filter((file) => world.missing.has(file.path));
  const bytes = world.uploaded ? 0 : totalBytes(toSend);
  const step = (name: PlannedStep['step'], detail: string, done: boolean, size = 0): PlannedStep => ({
    step: name,
    detail,
    bytes: size,
    done,
  });
  const room = limit.allowed ? 'the chain allows it now' : `possible from block ${limit.freeAtBlock}`;
  const replaces = stored.entry && !onChain ? `; replaces the commitment of block ${stored.entry.block}` : '';
  const how = sealing && !onChain ? await sealInWords(publication, stored.beacon?.newest ?? 0) : '';
  const privately = step(
    'private',
    world.visible === null
      ? `create ${request.repo}, private`
      : world.visible && request.publicUpload
        ? `leave ${request.repo} public`
        : world.visible
          ? `make ${request.repo} private, just before its commit`
          : `${request.repo} is private`,
    world.uploaded || world.visible === false,
  );
  const upload = step('upload', `${toSend.length} files, ${formatBytes(bytes)}`, world.uploaded, bytes);
  const steps = [
    step('check', `${rulesMet(findings)} ${formatBytes(totalBytes(content.files))}`, true),
    // Objects that no revision names are found by nobody: what others load stays public while they are sent.
    ...(world.visible === null ? [privately, upload] : [upload, privately]),
    step('confirm', `${files.length} object ids on the Hub`, world.uploaded),
    step('commit', `subnet ${request.netuid} of ${place.chain.endpoint}: ${how}${room}${replaces}`, onChain),
    step(
      'read-back',
      sealing ? 'the bytes of the seal from the chain' : 'the string from the chain',
      onChain,
    ),
  ];
  const reveal =
    sealing && request.waitReveal
      ? [step('reveal', 'the chain opens the seal, and its text is compared', opened)]
      : [];
  if (!request.makePublic) return [...steps, ...reveal];
  const visible = world.visible === true && onChain;
  return [
    ...steps,
    step('public', `make ${request.repo} public${sealing ? ', when the seal is due' : ''}`, visible),
    step('confirm-public', `download ${probeOf(content.files)?.path ?? 'it'} without a token`, visible),
    ...reveal,
  ];
}

/** What would be sent in the place of the text, and when that is opened. */
async function sealInWords(publication: Publication, newest: number): Promise<string> {
  const { place, chainText } = publication;
  const beacon = await beaconOf(place);
  const round = await roundOf(publication, beacon, newest);
  return `sealed, ${chainText.bytes} bytes, opened in round ${round} (about ${whenOf(beacon, round)}): `;
}
