import { rm } from 'node:fs/promises';
import { CheckError } from '../errors.ts';
import type { Place } from '../place.ts';
import type { Work } from '../progress.ts';
import { type PublishOrder, preflight, publish, type UploadOutcome } from '../publish/index.ts';
import { checkModel, chooseCompetition, competitionsAt, parseRepoId } from '../rules/index.ts';
import {
  describeCondition,
  type PublishIntent,
  plannedFacts,
  type TrainOutcome,
  updateState,
} from '../training/index.ts';

/** How a run publishes its best model. */
export interface RunPublish {
  intent: PublishIntent;
  useHotkeyInHash: boolean;
  makePublic: boolean;
  /** Asks once, whoever is first: what was answered before training is not asked again after it. */
  ask: PublishOrder['ask'];
}

/** The plan of a run: its intent, and who answers. */
export function planPublish(intent: PublishIntent, ask: PublishOrder['ask']): RunPublish {
  const whenever = intent.when === null ? '?' : ` whenever ${describeCondition(intent.when)}?`;
  let answer: Promise<void> | null = null;
  return {
    intent,
    useHotkeyInHash: intent.useHotkeyInHash ?? false,
    makePublic: intent.makePublic ?? true,
    ask: (question) => {
      answer ??= ask({ ...question, text: question.text.replace(/\?$/, whenever) });
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
  return yield* preflight(orderOf(plan, '', signal), place);
}

/**
 * Refuses a run whose model validators would not take, whatever its loss, and removes its folder. Throws `CheckError` `check.rejected`.
 * What cannot be told before training (a recipe in Python, a class not known here) is left to the publish.
 */
export async function refuseUnpublishable(
  { intent: { dtype } }: RunPublish,
  runDir: string,
  { block, recipes }: { block: number; recipes: string[] },
  { profile, schedule, competition: id, tokenizers }: Place,
): Promise<void> {
  const facts = await plannedFacts(runDir, profile, dtype);
  if (facts === null) return;
  const open = competitionsAt(schedule, block, profile);
  const competition = chooseCompetition(open, { id, parameters: facts.parameters });
  const findings = checkModel(facts, competition, profile, tokenizers[competition.tokenizer]);
  const refused = findings.filter((finding) => finding.ok === false);
  if (refused.length === 0) return;
  await rm(runDir, { recursive: true, force: true });
  throw new CheckError(
    'check.rejected',
    `Validators would refuse the model of this run. ${refused.map(({ rule, message }) => `${rule}: ${message}`).join(' ')}`,
    {
      details: { findings: refused },
      nextSteps: [
        `pt train --recipe NAME   # one of ${recipes.join(', ')}`,
        'pt competitions',
        'Leave out --hf-repo-id to train without publishing.',
      ],
    },
  );
}

/** Publishes the best model of a run that is over, when its loss is under the threshold; null, and said, when it is not. */
export async function* publishBest(
  plan: RunPublish,
  { bestDir, bestLoss, runDir }: TrainOutcome,
  place: Place,
  signal: AbortSignal,
): Work<UploadOutcome | null> {
  const { threshold } = plan.intent;
  if (bestDir === null || bestLoss === null) return null;
  if (threshold === null || bestLoss >= threshold) {
    const message = `Not published: the best held-out loss ${bestLoss.toFixed(4)} is not under the threshold ${threshold}.`;
    yield { kind: 'note', level: 'info', message };
    return null;
  }
  const outcome = yield* publish(orderOf(plan, bestDir, signal), place);
  await updateState(runDir, { published: outcome });
  return outcome;
}
