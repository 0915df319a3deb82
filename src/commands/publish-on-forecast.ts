import { join } from 'node:path';
import type { PythonEnv } from '../bridge/index.ts';
import { PtError } from '../errors.ts';
import {
  type EvaluateRequest,
  type Evaluation,
  evaluate,
  evaluateRequest,
  openEvaluatePlace,
  parseModelRef,
} from '../evaluation/index.ts';
import { finish, type Work } from '../progress.ts';
import { mayWrite, type PublishRequest, publish, type UploadOutcome } from '../publish/index.ts';
import type { Settings } from '../settings/index.ts';
import {
  describeCondition,
  isMet,
  type PublishCondition,
  type PublishIntent,
  publishNewest,
  updateState,
} from '../training/index.ts';
import { keepForecastOf } from './keep-forecast.ts';
import { openPlace, type PublishSwitches, requestFor } from './publish-best.ts';

export interface ForecastPublisherOptions {
  settings: Settings;
  intent: PublishIntent & { when: PublishCondition };
  /** Its `ask` is asked once, before training: later commitments of this run are not asked about. */
  switches: PublishSwitches;
  runDir: string;
  python: PythonEnv;
  signal: AbortSignal;
  note: (text: string) => void;
  warn: (text: string) => void;
}

/**
 * Publishes a run's best models beside the training whenever the forecast against everybody else meets the intent's condition. The chain's
 * limit makes a try fail; the next best model, or the end of the run, tries again.
 */
export async function openForecastPublisher(options: ForecastPublisherOptions) {
  const { settings, intent, switches, runDir, signal, note, warn } = options;
  const place = await openPlace(settings);
  const stopped = new AbortController();
  const either = AbortSignal.any([signal, stopped.signal]);
  let loss = Number.POSITIVE_INFINITY;
  let training = true;
  // The bar on the screen is the training's: only notes are shown of what goes on beside it.
  const quietly = <Result>(work: Work<Result>) =>
    finish(work, (event) => {
      if (event.kind === 'note') (event.level === 'warning' ? warn : note)(event.message);
    });

  const attempt = async (dir: string): Promise<UploadOutcome | null> => {
    if (intent.threshold !== null && loss >= intent.threshold) return null;
    const evaluation = await quietly(
      forecast(options, dir, { hotkey: place.hotkey.ss58, signal: either, beside: training }),
    );
    await keepForecastOf(evaluation, settings, warn);
    const chance = chanceOf(evaluation);
    note(`${evaluation.sentence} p(win) is ${chance}; publishing takes ${describeCondition(intent.when)}.`);
    if (!isMet(intent.when, chance)) return null;
    const request = requestFor(settings, intent, dir, { ...switches, ask: async () => {} }, either);
    const outcome = await quietly(publish({ ...request, restart: true }, place));
    await updateState(runDir, { published: outcome });
    note(`${outcome.repo}@${outcome.commit.slice(0, 8)} is on chain since block ${outcome.block}.`);
    return outcome;
  };
  const newest = publishNewest({
    bestDir: join(runDir, 'best'),
    attempt,
    onFailure: (error) => {
      if (!either.aborted) warn(`Not published yet: ${error instanceof Error ? error.message : error}`);
    },
  });
  try {
    const when = ` whenever ${describeCondition(intent.when)}?`;
    const ask: PublishRequest['ask'] = (question) =>
      switches.ask({ ...question, text: question.text.replace(/\?$/, when) });
    await quietly(mayWrite({ ...requestFor(settings, intent, '', switches), ask }, place));
  } catch (error) {
    await place.close();
    throw error;
  }
  return {
    offer(heldOutLoss: number): void {
      loss = heldOutLoss;
      newest.offer();
    },
    finish(): Promise<UploadOutcome | null> {
      training = false;
      return newest.finish();
    },
    async close(): Promise<void> {
      stopped.abort();
      await newest.stop();
      await place.close();
    },
  };
}

/** Scores `dir` against the best of the others; alone when nobody else has a model on chain. */
async function* forecast(
  { settings, python }: ForecastPublisherOptions,
  dir: string,
  { hotkey, signal, beside }: { hotkey: string; signal: AbortSignal; beside: boolean },
): Work<Evaluation> {
  const place = await openEvaluatePlace(settings, python, signal);
  const request = (changes: Partial<EvaluateRequest>) =>
    evaluateRequest(settings, [parseModelRef(dir)], {
      modelsDir: join(settings.home, 'models'),
      // A GPU's memory belongs to the training while that goes on.
      ...(beside ? { device: 'cpu' } : {}),
      signal,
      ...changes,
    });
  try {
    const against = { kind: 'best', name: 'best of the others', except: hotkey } as const;
    return yield* evaluate(request({ against }), place);
  } catch (error) {
    if (!(error instanceof PtError) || error.code !== 'load.no_model') throw error;
    return yield* evaluate(request({}), place);
  }
}

/** Without a rival, any model wins that validators can score. */
function chanceOf({ models, pWin }: Evaluation): number {
  const [own] = models;
  if (pWin !== null) return pWin;
  return own!.loss !== null && own!.reasonable !== false ? 1 : 0;
}
