/** The king's side of a run's duel: its losses on a sample that is kept, once, before the first step. */
import { basename, dirname, join } from 'node:path';
import { blockFor } from '../check/index.ts';
import { CheckError, UserError } from '../errors.ts';
import type { Place } from '../place.ts';
import { note, type Work, warning } from '../progress.ts';
import { duel, pretrainingBars, type TaskRange } from '../rules/index.ts';
import { locate, openChain, parseModelRef } from './locate.ts';
import { requireScoringFits } from './require-fit.ts';
import { competitionOf, refuseEmpty, scoreOn } from './score.ts';
import { whyLost } from './verdict.ts';

/** Sequences of a duel where nobody says how many: an evaluation is to stay short. */
export const DUEL_SEQUENCES = 256;

export interface KingRequest {
  against: string;
  data: string[];
  /** Whether nothing is trained on that text. */
  whole: boolean;
  sequences: number | null;
  /** Whether a win is to be confirmed: on as many more. */
  confirm: boolean;
  /** Load it although it does not look as if it fits. */
  ignoreEstimate: boolean;
  /** Folder for the sequences. */
  dir: string;
  signal: AbortSignal;
}

const PAST = 'pt train --ignore-estimate   # where it is known to fit';

/** What `duel/king.json` says of it, but for when. */
export interface ScoredKing extends duel.Bars {
  against: string;
  king: string;
  dir: string;
  profile: string;
  block: number;
  kingBlock: number;
  data: string[];
  seed: number;
  /** Of each text, as asked for, and those that were found in all. */
  asked: number;
  sequences: number;
  sequenceLength: number;
  reserved: number;
  whole: boolean;
  loss: number;
  sd: number;
}

/**
 * Scores the king and keeps the sample.
 *
 * @throws UserError `usage.against`, `usage.duel_data`, CheckError `evaluate.king`, and what `evaluate` throws
 */
export async function* scoreKing(request: KingRequest, place: Place): Work<ScoredKing> {
  const { against, data, signal } = request;
  refuseUndecided(place);
  refuseEmpty(data, 'duel-data');
  const ref = parseModelRef(against);
  const chain = yield* openChain({ block: null }, place, ref.kind === 'uid' || ref.kind === 'best');
  const located = yield* locate(
    ref,
    false,
    {
      request: { signal },
      competition: place.competition,
      ...(request.ignoreEstimate
        ? {}
        : {
            fits: (name, facts) =>
              requireScoringFits(`--against ${against}: ${name}`, facts, PAST, { signal }, place),
          }),
    },
    place,
    chain,
  );
  const { block } = blockFor(place.schedule, place.profile, null, chain ? await chain.block() : null);
  const competition = competitionOf([located], block, place);
  const wanted = request.sequences ?? DUEL_SEQUENCES;
  const asked = { data, whole: request.whole, sequences: wanted, signal };
  const { dir, ignoreEstimate } = request;
  const keep = { dir, reserve: request.confirm ? wanted : 0, ignoreMemory: ignoreEstimate };
  const { raw, ranges, sample } = yield* scoreOn([located], { block, competition }, asked, place, keep);
  const [model] = raw as [(typeof raw)[0]];
  // Folders of runs are all called `best`: what stands above tells them apart.
  const king = ref.kind === 'folder' ? join(basename(dirname(ref.dir)), ref.name) : located.name;
  const why = whyLost({ ...model, notFinite: model.not_finite, error: model.error?.message ?? null });
  if (why !== null)
    throw new CheckError(
      'evaluate.king',
      `--against ${against}: ${king} could not be scored: ${why.replace(/\.$/, '')}.`,
      {
        nextSteps: [
          model.error?.code === 'too_large' ? PAST : `pt check ${located.dir} --deep`,
          'Leave out --against',
        ],
      },
    );
  const losses = model.tasks.flatMap((task) => task.losses as number[]);
  const reserved = model.tasks.reduce((sum, task) => sum + task.reserved, 0);
  const n = losses.length;
  refuseFew(n, reserved, request);
  const kingBlock = located.block ?? block;
  const bars = barsOfKing(losses, { kingBlock, block, ranges, epsilon: competition.epsilon }, place);
  const { mean, sd } = duel.sampleOf(losses);
  yield note(
    `King: ${king}, loss ${mean.toFixed(4)} on ${n} sequences of ${sample.sequenceLength} tokens (${sample.data.join(', ')}). ` +
      `Every evaluation scores the model on them too.`,
  );
  const small = tooSmall(bars.trial, n);
  if (small !== null) yield warning(small);
  return {
    ...bars,
    against,
    king,
    dir: located.dir,
    profile: place.profileName,
    block,
    kingBlock,
    data: sample.data,
    seed: sample.seed,
    asked: wanted,
    sequences: n,
    sequenceLength: sample.sequenceLength,
    reserved,
    whole: request.whole,
    loss: mean,
    sd,
  };
}

/**
 * Refuses a king where losses do not decide: nothing here could say who wins.
 *
 * @throws UserError `usage.against`
 */
export function refuseUndecided({ profile, profileName }: Place): void {
  if (profile.pretraining !== null || duel.decidedByLosses(profile.duel)) return;
  throw new UserError(
    'usage.against',
    `--against: losses do not decide on ${profileName}, so no duel can be fought while training.`,
    { nextSteps: [`pt profiles show ${profileName}   # what decides`, 'Leave out --against'] },
  );
}

function barsOfKing(
  losses: number[],
  {
    kingBlock,
    block,
    ranges,
    epsilon,
  }: {
    kingBlock: number;
    block: number;
    ranges: TaskRange[];
    epsilon: Parameters<typeof pretrainingBars>[3];
  },
  { profile }: Place,
): duel.Bars {
  const n = losses.length;
  if (profile.pretraining === null) return duel.barsOf(profile.duel, losses, { kingBlock, block })!;
  const rival = { losses, block: kingBlock };
  const { bars, weights, batchwise } = pretrainingBars(rival, block + 1, ranges, epsilon, block, profile);
  const trial = batchwise ? duel.trialOfWins(n) : duel.trialOfMeans(n);
  return { bars: Array.from(bars), weights: Array.from(weights), trial };
}

function refuseFew(n: number, reserved: number, { data, confirm, whole }: KingRequest): void {
  const more = [
    '--duel-data FILE   # more text, that is not trained on',
    ...(confirm ? ['--duel-sequences N   # fewer'] : []),
  ];
  const named = data.length === 0 ? 'its text' : data.join(', ');
  if (n < duel.FEWEST)
    throw new UserError(
      'usage.duel_data',
      `--against: ${named} gives ${n} sequences${whole ? '' : ' (what training holds out of it)'}, and a duel takes ${duel.FEWEST} at least.`,
      { nextSteps: more },
    );
  if (confirm && reserved < duel.FEWEST)
    throw new UserError(
      'usage.duel_data',
      `--publish-when: beside the ${n} sequences of the duel, ${named} has ${reserved} to confirm a win on, and that takes ${duel.FEWEST} at least.`,
      { nextSteps: more },
    );
}

/** What so many sequences cannot show, where that is known before the first step; null: nothing of the kind. */
export function tooSmall(trial: duel.Trial, n: number): string | null {
  if (trial.by === 'share') {
    const all = duel.standingOf({ sequences: n, mean: null, sd: null, won: n, lost: 0 }, trial);
    return all !== null && all.p >= duel.SETTLED
      ? null
      : `${n} sequences are too few: winning all of them would not make a win sure. Take more (--duel-sequences).`;
  }
  if (trial.threshold === 0) return null;
  const spread = duel.largestSpread(trial, n, 2 * trial.threshold);
  return (
    `A gain of ${2 * trial.threshold} nats a token, twice what is needed, shows on ${n} sequences if it scatters by less than ` +
    `${spread.toFixed(4)} from sequence to sequence; the first duels tell, and how many more would settle it.`
  );
}
