import { rm } from 'node:fs/promises';
import type { Commitment } from '../chain/types.ts';
import { Cancelled, CheckError, PtError } from '../errors.ts';
import type { Place } from '../place.ts';
import { note, type Progress, type Work, warning } from '../progress.ts';
import {
  type PublishOrder,
  preflight,
  previewPublish,
  rejectionOf,
  type UploadOutcome,
  type UploadPlan,
} from '../publish/index.ts';
import { fieldsIn } from '../publish/source.ts';
import {
  checkModel,
  chooseCompetition,
  competitionsAt,
  describeReasons,
  loadedDtype,
  parseRepoId,
  reasonsAgainst,
  refuseMissing,
  sentenceOf,
  verdictOf,
} from '../rules/index.ts';
import {
  describeCondition,
  type PublishIntent,
  plannedFacts,
  resumeCommand,
  type TrainOutcome,
} from '../training/index.ts';
import { publishModel } from './publish-model.ts';

/** How a run publishes its best model. */
export interface RunPublish {
  intent: PublishIntent;
  useHotkeyInHash: boolean | null;
  makePublic: boolean;
  fields: Record<string, string>;
  /** Asks each thing once, whoever is first: what was answered before training is not asked again after it. */
  ask: PublishOrder['ask'];
  /** The commitment that was asked about, then the run's own: the one that its next publish may replace. Another machine's is no such one. */
  standing?: Commitment | null;
}

/**
 * The plan of a run: its intent, and who answers.
 *
 * @throws UserError `usage.field`, `commitment.field` for what its text names and was not given, or not so.
 */
export function planPublish(intent: PublishIntent, ask: PublishOrder['ask'], place: Place): RunPublish {
  const fields = fieldsIn(intent.fields ?? [], place);
  refuseMissing(place.profile, { fields, competitionId: place.competition });
  const whenever = intent.when === null ? '?' : ` whenever ${describeCondition(intent.when)}?`;
  const answers = new Map<string | null, Promise<void>>();
  return {
    intent,
    // Runs keep `false` for nothing said.
    useHotkeyInHash: intent.useHotkeyInHash || null,
    makePublic: intent.makePublic ?? true,
    fields,
    ask: (question) => {
      const known = answers.get(question.verdict);
      const answer = known ?? ask({ ...question, text: question.text.replace(/\?$/, whenever) });
      answers.set(question.verdict, answer);
      return answer;
    },
  };
}

/** The publish of the model in `dir` as the run means it. */
export function orderOf({ intent, ...plan }: RunPublish, dir: string, signal: AbortSignal): PublishOrder {
  return { ...plan, source: { kind: 'folder', dir, dtype: intent.dtype }, repo: intent.repo, signal };
}

/**
 * Refuses now what could not be published hours later (token, repository id, registration), and asks now what would be asked then.
 * Throws as `publish` does; gives the chain's block.
 */
export async function* checkEarly(plan: RunPublish, place: Place, signal: AbortSignal): Work<number> {
  parseRepoId(place.profile, plan.intent.repo);
  const { block, standing } = yield* preflight(orderOf(plan, '', signal), place);
  plan.standing = standing;
  return block;
}

/**
 * Refuses a run whose model validators would not take or could not score, whatever its loss, and removes its folder; asks where that cannot
 * be told. Throws `CheckError` `check.rejected` or `check.cannot_score`.
 * What cannot be told before training (a recipe in Python, a class not known here) is left to the publish.
 */
export async function refuseUnpublishable(
  { intent: { dtype, repo }, ask }: RunPublish,
  runDir: string,
  { block, recipes }: { block: number; recipes: string[] },
  { profile, schedule, competition: id, tokenizers }: Place,
): Promise<void> {
  const planned = await plannedFacts(runDir, profile, dtype ?? 'bf16');
  if (planned === null) return;
  const open = competitionsAt(schedule, block, profile);
  const competition = chooseCompetition(open, { id, parameters: planned.parameters });
  const facts = (await plannedFacts(runDir, profile, dtype ?? loadedDtype(competition)))!;
  const findings = checkModel(facts, competition, profile, tokenizers[competition.tokenizer]);
  const rejection = rejectionOf(findings, 'the model of this run');
  if (rejection === null) {
    if (verdictOf(findings) === 'unknown') {
      const text = `${sentenceOf('unknown', 'the model of this run')} ${describeReasons(findings).join(' ')} Publish it to ${repo} all the same?`;
      await ask({ text, verdict: 'unknown', retired: false, replaces: null, rehearsal: false });
    }
    return;
  }
  await rm(runDir, { recursive: true, force: true });
  throw new CheckError(rejection.code, rejection.message, {
    details: { findings: reasonsAgainst(findings) },
    nextSteps: [
      `pt train --recipe NAME   # one of ${recipes.join(', ')}`,
      'pt competitions',
      'Leave out --hf-repo-id to train without publishing; `pt upload --no-check` publishes it all the same.',
    ],
  });
}

/** Publishes the best model of a run that is over, when its loss is under the threshold; null, and said, when it is not. */
export async function* publishBest(
  plan: RunPublish,
  outcome: TrainOutcome,
  place: Place,
  signal: AbortSignal,
): Work<UploadOutcome | null> {
  const { runDir } = outcome;
  const bestDir = yield* underThreshold(plan, outcome);
  if (bestDir === null) return null;
  return yield* publishModel(
    {
      ...orderOf(plan, bestDir, signal),
      again: { command: resumeCommand(runDir, place.home), dir: bestDir },
    },
    place,
  );
}

/** What `publishBest` would do, written nowhere; null, and said, when it would do nothing. */
export async function* rehearseBest(
  plan: RunPublish,
  outcome: TrainOutcome,
  place: Place,
  signal: AbortSignal,
): Work<UploadPlan | null> {
  const bestDir = yield* underThreshold(plan, outcome);
  if (bestDir === null) return null;
  try {
    return yield* previewPublish(orderOf(plan, bestDir, signal), place);
  } catch (error) {
    if (!(error instanceof PtError) || error instanceof Cancelled) throw error;
    // The training was asked for and is done; what would keep it from being published is said all the same.
    yield warning(`It would not be published: ${error.message}`);
    return null;
  }
}

/** The folder of the best model, when its loss is under the threshold. */
function* underThreshold(
  { intent: { threshold, when } }: RunPublish,
  { bestDir, bestLoss }: TrainOutcome,
): Generator<Progress, string | null, void> {
  if (bestDir === null || bestLoss === null) return null;
  if (threshold !== null && bestLoss < threshold) return bestDir;
  const why =
    threshold === null
      ? `--publish-when ${when === null ? '' : describeCondition(when)} is asked while it trains`
      : `the best held-out loss ${bestLoss.toFixed(4)} is not under the threshold ${threshold}`;
  yield note(`Not published: ${why}.`);
  return null;
}
