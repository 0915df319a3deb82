import { z } from 'zod';
import type { CheckedModel, CheckVerdict } from '../check/types.ts';
import { against, competitionLabel } from '../rules/index.ts';
import { commit, count, finding, text, verdict } from './parts.ts';

export const checkSchema = z.strictObject({
  accepted: z.boolean().describe('False when validators would refuse it'),
  verdict,
  target: text.describe('The folder, or REPO@COMMIT'),
  profile: text,
  block: count.describe('Whose rules were applied'),
  blockSource: z.enum(['flag', 'chain', 'schedule']).describe('Where the block came from'),
  release: text.describe('Release of the reference whose limits hold at that block'),
  competition: text.nullable().describe('Name and id; what was asked for when there is no such one'),
  competitionId: z.int().nullable(),
  findings: z.array(finding),
  against: text.nullable().describe('The folder, or REPO@COMMIT, that it was held beside; null: nothing'),
  againstUid: count
    .nullable()
    .describe('The miner whose model that is; null: it was not looked up on the chain'),
  architecture: text.nullable(),
  parameters: count.nullable().describe('As validators count them'),
  activeParameters: count
    .nullable()
    .describe('Of them those that one token goes through: fewer in a mixture of experts; null: unknown'),
  bytes: count.describe('All files of the model'),
  dtypes: z.array(text),
  contentHash: text.nullable().describe('Null: not computed; the finding content_hash says why'),
  hashedFiles: z.array(text).describe('Files that enter the content hash, in hashing order'),
  repo: text.nullable(),
  commit: commit.nullable(),
});

export function checkOutput(checked: CheckVerdict): z.output<typeof checkSchema> {
  const { model, competition, beside } = checked;
  return {
    accepted: checked.accepted,
    verdict: checked.verdict,
    target: nameOf(model),
    profile: checked.profile,
    block: checked.block,
    blockSource: checked.blockSource,
    release: checked.release,
    competition: competition ? competitionLabel(competition) : checked.asked,
    competitionId: competition?.id ?? null,
    findings: checked.findings.map((each) => ({ ...each, verdict: against(each) })),
    against: beside && nameOf(beside),
    againstUid: beside?.uid ?? null,
    architecture: checked.architecture,
    parameters: checked.parameters,
    activeParameters: checked.activeParameters,
    bytes: checked.bytes,
    dtypes: checked.dtypes,
    contentHash: checked.contentHash,
    hashedFiles: checked.hashedFiles,
    repo: model.kind === 'repo' ? model.repo : null,
    commit: model.kind === 'repo' ? model.commit : null,
  };
}

const nameOf = (model: CheckedModel): string =>
  model.kind === 'repo' ? `${model.repo}@${model.commit}` : model.dir;
