/** A duel whose one side is known: what a king's losses ask of a challenger, and what the numbers of a challenger come to. */
import type { Profile } from '../types.ts';
import { headStartOf, type Moment, trialOf } from './by-losses.ts';
import { moreToSettle, type Prediction, predict, type Sample, type Trial } from './predict.ts';

export interface Bars {
  /** Nats a token, a sequence each: what the challenger's loss, times its weight, must be below. A head start is in it. */
  bars: number[];
  /** Null: 1 everywhere. */
  weights: number[] | null;
  trial: Trial;
}

/** What a challenger's losses came to against them: the gain (bar − weighted loss) and the sequences won and lost. Null: a loss was not finite. */
export interface Fought {
  sequences: number;
  mean: number | null;
  sd: number | null;
  /** As of `Moments`; not there: not known, as of runs of older versions. */
  skew?: number | null;
  excess?: number | null;
  won: number;
  lost: number;
}

/** What is said of it. */
export interface Standing extends Prediction {
  /** More sequences that would settle it; 0: it is settled; null: no number would. */
  more: number | null;
}

/** Null: losses do not decide there. */
export function barsOf(rule: Profile['duel'], losses: ArrayLike<number>, moment: Moment): Bars | null {
  const headStart = headStartOf(rule, moment);
  if (headStart === null && rule.kind !== 'bootstrap_lcb') return null;
  return {
    bars: Array.from(losses, (loss) => loss * (headStart ?? 1)),
    weights: null,
    trial: trialOf(rule, losses.length)!,
  };
}

/** Null: too few sequences, or losses that are not finite. */
export function sampleFought(fought: Fought, { by }: Trial): Sample | null {
  const { sequences: n, mean, sd, skew, excess, won, lost } = fought;
  if (by === 'share') return won + lost > 0 ? { n, won, lost } : null;
  return mean === null || sd === null ? null : { n, mean, sd, skew: skew ?? 0, excess: excess ?? 0 };
}

/** The chance to win on the subnet's own, fresh sequences. Null: the numbers say nothing about it. */
export function standingOf(fought: Fought, trial: Trial): Standing | null {
  const sample = sampleFought(fought, trial);
  const chance = sample && predict(sample, trial);
  return chance && { ...chance, more: moreToSettle(sample, trial) };
}
