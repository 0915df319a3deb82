import { join } from 'node:path';
import { PtError } from '../errors.ts';
import {
  type EvaluateRequest,
  type Evaluation,
  evaluate,
  folderRef,
  isTextOver,
  type ModelRef,
  parseModelRef,
} from '../evaluation/index.ts';
import type { Place } from '../place.ts';
import { finish, type Work } from '../progress.ts';
import { preflight, publishedName, type UploadOutcome } from '../publish/index.ts';
import { duel as duels, heardOnce } from '../rules/index.ts';
import {
  countLook,
  describeChance,
  describeCondition,
  isMet,
  type King,
  keepDecided,
  publishNewest,
  type RunDuel,
  readKing,
  resumeCommand,
} from '../training/index.ts';
import { keepForecastOf } from './keep-forecast.ts';
import { orderOf, type RunPublish } from './publish-best.ts';
import { publishModel } from './publish-model.ts';

export interface ForecastPublisherOptions {
  plan: RunPublish;
  runDir: string;
  signal: AbortSignal;
  note: (text: string) => void;
  warn: (text: string) => void;
  /** One of them is on chain. */
  onPublished: (outcome: UploadOutcome) => void;
}

/** What publishes beside a training. */
export interface ForecastPublisher {
  /** There is a new best model, with this held-out loss; `duel`: what its own duel with the run's king says, where the run has one; `step`: of it. */
  offer(heldOutLoss: number, duel?: RunDuel | null, step?: number | null): void;
  /** After the last model: waits for what is under way, and tries the newest once more if it failed. */
  finish(): Promise<UploadOutcome | null>;
  close(): Promise<void>;
}

/**
 * Publishes a run's best models beside the training whenever the forecast against everybody else meets the plan's condition. The chain's
 * limit makes a try fail; the next best model, or the end of the run, tries again. Asks once, before training.
 */
export async function openForecastPublisher(
  { plan, runDir, signal, note, warn, onPublished }: ForecastPublisherOptions,
  place: Place,
): Promise<ForecastPublisher> {
  const { when, threshold } = plan.intent;
  if (when === null) throw new Error('a plan without a condition publishes at the end');
  const stopped = new AbortController();
  const either = AbortSignal.any([signal, stopped.signal]);
  let loss = Number.POSITIVE_INFINITY;
  let training = true;
  const king = await readKing(runDir);
  let standing: RunDuel | null = null;
  let offeredStep: number | null = null;
  /** The profile allows one publication, and it is done. */
  let spent = false;
  // The bar on the screen is the training's: only notes are shown of what goes on beside it.
  const quietly = <Result>(work: Work<Result>) =>
    finish(work, (event) => {
      if (event.kind === 'note') (event.level === 'warning' ? warn : note)(event.message);
    });

  const look = async (dir: string, sample: SampleOf = {}): Promise<Evaluation> => {
    const { ss58: hotkey } = await place.hotkey();
    return quietly(forecast(place, dir, { hotkey, signal: either, beside: training, ...sample }));
  };
  /** Null: the text has no sequences left. */
  const lookOnFresh = (dir: string, sample: SampleOf): Promise<Evaluation | null> =>
    look(dir, sample).catch((error: unknown) => {
      if (isTextOver(error)) return null;
      throw error;
    });
  const attempt = async (dir: string): Promise<UploadOutcome | null> => {
    if (threshold !== null && loss >= threshold) return null;
    if (spent) return null;
    if (king !== null) return (await wins(dir, king)) ? publishNow(dir) : null;
    const evaluation = await look(dir);
    await keepForecastOf(evaluation, place, warn);
    const chance = chanceOf(evaluation);
    note(
      `${evaluation.sentence} p(win) is ${chance ?? 'not known'}; publishing takes ${describeCondition(when)}.`,
    );
    if (chance === null || !isMet(when, chance)) return null;
    return (await holdsOnFreshText(dir, evaluation)) ? publishNow(dir) : null;
  };
  /** A try that comes to an end is not made again by a run that goes on; one that fails or is killed is. */
  const decide = async (dir: string): Promise<UploadOutcome | null> => {
    const step = offeredStep;
    const outcome = await attempt(dir);
    if (step !== null && !either.aborted) await keepDecided(runDir, step);
    return outcome;
  };
  /** By the run's own duel, and then on text that no choice was made by. */
  const wins = async (dir: string, against: King): Promise<boolean> => {
    if (standing === null || !isMet(when, standing.p)) return false;
    const taken = (await countLook(runDir)) * against.asked;
    note(
      `Step ${standing.step}: ${describeChance(standing)}; publishing takes ${describeCondition(when)}. It is looked at again on fresh text.`,
    );
    const again = await lookOnFresh(dir, { ...sampleOf(against), skip: taken, king: kingOf(against) });
    if (again === null) {
      warn('Not published: the text of the duel has no fresh sequences left to confirm it on (--duel-data).');
      return false;
    }
    await keepForecastOf(again, place, warn);
    const found = duels.confirm(freshLook(again), (chance) => isMet(when, chance));
    note(describeConfirmation(found, again));
    return found.publish;
  };
  const publishNow = async (dir: string): Promise<UploadOutcome> => {
    const outcome = await quietly(
      publishModel(
        {
          ...orderOf(plan, dir, either),
          restart: true,
          again: { command: resumeCommand(runDir, place.home), dir: join(runDir, 'best') },
        },
        place,
      ),
    );
    plan.standing = { block: outcome.block, text: outcome.commitment };
    note(`${publishedName(outcome)} is on chain since block ${outcome.block}.`);
    onPublished(outcome);
    spent = heardOnce(place.profile);
    if (spent) note('This hotkey has had its one evaluation: nothing more of this run is published.');
    return outcome;
  };
  /** Of many checkpoints the luckiest is offered: on text that no choice was made by, its promise is what it is worth. */
  const holdsOnFreshText = async (dir: string, { duel, sample }: Evaluation): Promise<boolean> => {
    if (duel === null) return true;
    const again = await lookOnFresh(dir, {
      // For each data set as many as there were in all, so that none comes twice.
      skip: sample.batches,
      sequences: Math.ceil(sample.batches / sample.data.length),
    });
    const found = duels.confirm(again && freshLook(again), (chance) => isMet(when, chance));
    if (again === null)
      warn('There is no more text to confirm the forecast on: it is taken as it is, and may be luck.');
    else note(describeConfirmation(found, again));
    return found.publish;
  };
  const newest = publishNewest({
    bestDir: join(runDir, 'best'),
    attempt: decide,
    onFailure: (error) => {
      if (!either.aborted) warn(`Not published yet: ${error instanceof Error ? error.message : error}`);
    },
  });
  await quietly(preflight(orderOf(plan, '', signal), place));
  return {
    offer(heldOutLoss, duel = null, step = null): void {
      loss = heldOutLoss;
      standing = duel;
      offeredStep = step;
      newest.offer();
    },
    finish(): Promise<UploadOutcome | null> {
      training = false;
      return newest.finish();
    },
    async close(): Promise<void> {
      stopped.abort();
      await newest.stop();
    },
  };
}

/** Which sequences, and against whom; none: the sample that everybody takes, against the best. */
type SampleOf = Pick<EvaluateRequest, 'skip' | 'sequences' | 'data' | 'whole' | 'seed' | 'sequenceLength'> & {
  king?: ModelRef;
};

const kingOf = ({ against, dir }: King): ModelRef => {
  const named = parseModelRef(against);
  return named.kind === 'folder' ? folderRef(dir) : named;
};

/** The sample of a run's duel: what follows it in the same order is fresh. */
const sampleOf = ({ asked, data, whole, seed, sequenceLength }: King): SampleOf => ({
  ...{ sequences: asked, data, whole, seed, sequenceLength },
});

interface ForecastOn extends SampleOf {
  hotkey: string;
  signal: AbortSignal;
  /** Whether a training goes on meanwhile. */
  beside: boolean;
}

/**
 * Scores `dir` against `king`; without one against the best of the others, or alone when nobody else has a model on chain. A king that was named
 * and is there no more is an error: beaten by nobody is not a win over him.
 */
async function* forecast(
  place: Place,
  dir: string,
  { hotkey, signal, beside, king: named, ...sample }: ForecastOn,
): Work<Evaluation> {
  const king: ModelRef = named ?? { kind: 'best', name: 'best' };
  const request = {
    models: [folderRef(dir)],
    ...sample,
    modelsDir: join(place.home, 'models'),
    // A GPU's memory belongs to the training while that goes on.
    ...(beside ? { device: 'cpu' } : {}),
    signal,
  };
  try {
    const against = king.kind === 'best' ? { ...king, name: 'best of the others', except: hotkey } : king;
    return yield* evaluate({ ...request, against }, place);
  } catch (error) {
    if (named !== undefined || !(error instanceof PtError) || error.code !== 'load.no_model') throw error;
    return yield* evaluate(request, place);
  }
}

const freshLook = (evaluation: Evaluation): duels.FreshLook => ({
  chance: chanceOf(evaluation),
  high: evaluation.duel?.pHigh ?? null,
  more: evaluation.duel?.more ?? null,
});

function describeConfirmation({ publish, why }: duels.Confirmation, evaluation: Evaluation): string {
  const { chance, more } = freshLook(evaluation);
  const open = why === 'too_few' && more !== null ? `; ${more} more would settle it` : '';
  return `${publish ? 'Confirmed' : 'Not confirmed'} on ${evaluation.sample.batches} fresh sequences: p(win) is ${chance ?? 'not known'}${open}.`;
}

/** Null where what was scored is too little to say one. Without a rival, any model wins that validators can score. */
function chanceOf({ models, pWin, duel }: Evaluation): number | null {
  const [own] = models;
  if (pWin !== null || duel !== null) return pWin;
  return own!.loss !== null && own!.reasonable !== false ? 1 : 0;
}
