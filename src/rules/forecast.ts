/** What a sample of losses says about winning under the pretraining releases, and intervals by bootstrap over its batches. */
import { namesCompetition } from './commitment.ts';
import { duelOfMeans, duelOfWins, type LossDuel } from './duel/by-losses.ts';
import { predict } from './duel/predict.ts';
import { decayedAtBlock, epsilonAt } from './epsilon.ts';
import type { EpsilonRule, Profile } from './types.ts';

/** Resamples that an interval is made of. */
const DRAWS = 2000;

/** A model on the shared sample: one loss a batch, batches of all tasks one after another. */
export interface Scored {
  losses: ArrayLike<number>;
  /** Block of its commitment; for an unpublished one, the block at which it would be committed. */
  block: number;
}

/** Batches that are drawn together: a task's range [start, end) in `losses`, and its weight in the score. */
export interface TaskRange {
  start: number;
  end: number;
  weight: number;
}

/** Deterministic random numbers in [0, 1) (mulberry32), so that a forecast can be repeated. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Weighted mean of the tasks' mean losses; NaN and infinity stay what they are. */
export function scoreOf(losses: ArrayLike<number>, tasks: TaskRange[]): number {
  let total = 0;
  let weights = 0;
  for (const { start, end, weight } of tasks) {
    let sum = 0;
    for (let k = start; k < end; k++) sum += losses[k]!;
    total += weight * (sum / (end - start));
    weights += weight;
  }
  return total / weights;
}

/** Indices of one resample: every task keeps its number of batches. */
function resample(tasks: TaskRange[], random: () => number): Int32Array {
  const count = tasks.reduce((sum, t) => sum + t.end - t.start, 0);
  const indices = new Int32Array(count);
  let at = 0;
  for (const { start, end } of tasks)
    for (let k = start; k < end; k++) indices[at++] = start + Math.floor(random() * (end - start));
  return indices;
}

/** 95% interval of the score by bootstrap; null below two batches or when a loss is not finite. */
export function confidenceInterval(
  losses: ArrayLike<number>,
  tasks: TaskRange[],
  seed = 0,
): { low: number; high: number } | null {
  const values = Array.from(losses);
  if (values.length < 2 || !values.every(Number.isFinite)) return null;
  const random = randomFrom(seed);
  const scores = Float64Array.from({ length: DRAWS }, () =>
    scoreOf(
      Array.from(resample(tasks, random), (k) => values[k]!),
      contiguous(tasks),
    ),
  ).sort();
  return { low: scores[Math.floor(DRAWS * 0.025)]!, high: scores[Math.ceil(DRAWS * 0.975) - 1]! };
}

/** The same tasks laid end to end, as `resample` returns them. */
function contiguous(tasks: TaskRange[]): TaskRange[] {
  let at = 0;
  return tasks.map(({ start, end, weight }) => {
    const from = at;
    at += end - start;
    return { start: from, end: at, weight };
  });
}

/**
 * `mine` against `rival` in the pretraining releases. `3.2`: it must win more batches than it loses; `6.0`: its score must be below the rival's.
 * The earlier one's losses count with its head start at `currentBlock`. Ties and NaN count as lost.
 */
export function pretrainingDuel(
  mine: Scored,
  rival: Scored,
  tasks: TaskRange[],
  rule: EpsilonRule,
  currentBlock: number,
  profile: Profile,
): LossDuel {
  const { bars, weights, batchwise } = pretrainingBars(rival, mine.block, tasks, rule, currentBlock, profile);
  const pair = { king: bars, challenger: Float64Array.from(mine.losses, (loss, i) => loss * weights[i]!) };
  return batchwise ? duelOfWins(pair, 1, 'epsilon_wins') : duelOfMeans(pair);
}

/**
 * What a rival's losses ask of a model committed at `block`: on each batch its loss times `weights` is held against `bars`. `batchwise`: by the
 * batches won; else by the mean.
 */
export function pretrainingBars(
  rival: Scored,
  block: number,
  tasks: TaskRange[],
  rule: EpsilonRule,
  currentBlock: number,
  profile: Profile,
): { bars: Float64Array; weights: Float64Array; batchwise: boolean } {
  const lead = (a: number, b: number) => (a < b ? 1 - epsilonAt(rule, currentBlock, a) : 1);
  const batchwise = !namesCompetition(profile);
  // A score weighs its tasks; a plain mean of losses so weighted is the score.
  const weight = batchwise ? null : batchWeights(tasks);
  const counts = (factor: number) => Float64Array.from(rival.losses, (_, i) => factor * (weight?.[i] ?? 1));
  const ours = counts(lead(block, rival.block));
  const theirs = counts(lead(rival.block, block));
  return { bars: theirs.map((count, i) => rival.losses[i]! * count), weights: ours, batchwise };
}

function batchWeights(tasks: TaskRange[]): Float64Array {
  const count = tasks.at(-1)?.end ?? 0;
  const total = tasks.reduce((sum, { weight }) => sum + weight, 0);
  const weights = new Float64Array(count);
  for (const { start, end, weight } of tasks)
    weights.fill((weight * count) / (total * (end - start)), start, end);
  return weights;
}

/** Chance that `mine` wins that duel on a fresh sample as large as this one. */
export function winProbability(...duel: Parameters<typeof pretrainingDuel>): number {
  const { sample, trial } = pretrainingDuel(...duel);
  return predict(sample, trial)?.p ?? 0;
}

/** Loss below which a later model beats one of `loss` committed at `block`: now, and once its head start has decayed. */
export function lossToBeat(
  loss: number,
  block: number,
  rule: EpsilonRule,
  currentBlock: number,
): { now: number; later: number; epsilonNow: number; epsilonLater: number; decayedAtBlock: number | null } {
  const epsilonNow = epsilonAt(rule, currentBlock, block);
  const epsilonLater = epsilonAt(rule, Number.POSITIVE_INFINITY, block);
  return {
    now: (1 - epsilonNow) * loss,
    later: (1 - epsilonLater) * loss,
    epsilonNow,
    epsilonLater,
    decayedAtBlock: decayedAtBlock(rule, block),
  };
}

/** From this chance on, publishing is advised. */
export const CONFIDENT = 0.9;

/** What to do with a model of these chances against the best rival. */
export function advise(pWinNow: number, pWinLater: number): 'publish' | 'wait' | 'train' {
  if (pWinNow >= CONFIDENT) return 'publish';
  return pWinLater >= CONFIDENT ? 'wait' : 'train';
}
