import { UserError } from '../errors.ts';

/** Steps of the line between two models when nothing else is asked. */
const STEPS = 4;
/** Weights as typed need not sum to 1 to the last digit. */
const NEARLY = 1e-3;

/**
 * The mixtures to make of `models` models. Nothing asked: of two, the points between them; of more, their mean.
 *
 * @throws UserError `usage.weights`, `usage.grid`
 */
export function mixturesOf(models: number, asked: { weights: number[][]; grid: number | null }): number[][] {
  if (asked.weights.length > 0) return asked.weights.map((weights) => normalised(weights, models));
  if (models === 1) return [];
  if (models === 2) return line(asked.grid ?? STEPS);
  if (asked.grid !== null)
    throw new UserError('usage.grid', `--grid goes from one model to another; there are ${models}.`, {
      nextSteps: ['Name two models, or give --weights.'],
    });
  return [Array.from({ length: models }, () => 1 / models)];
}

/** The points between two models, without the ends, which are the models. */
const line = (steps: number): number[][] =>
  Array.from({ length: steps - 1 }, (_, i) => [1 - (i + 1) / steps, (i + 1) / steps]);

function normalised(weights: number[], models: number): number[] {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  if (weights.length === models && Math.abs(sum - 1) < NEARLY) return weights.map((weight) => weight / sum);
  throw new UserError(
    'usage.weights',
    weights.length === models
      ? `--weights ${weights.join(',')}: they sum to ${Number(sum.toPrecision(6))}, not to 1.`
      : `--weights ${weights.join(',')}: ${weights.length} weights for ${models} models.`,
    { nextSteps: [`--weights ${meant(weights, models).join(',')}`] },
  );
}

/** The shares that were typed, made to sum to 1; of another number of models, or of none that sum to anything, equal ones. */
function meant(weights: number[], models: number): number[] {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const shares = weights.map((weight) => weight / sum);
  const usable = weights.length === models && sum > 0 && shares.every((share) => Math.abs(share) < 1e3);
  const given = usable ? shares : Array.from({ length: models }, () => 1 / models);
  return given.map((share) => Number(share.toFixed(6)));
}

/** `0.75,0.25` as numbers. */
export function parseWeights(text: string): number[] {
  const weights = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (weights.every(Number.isFinite)) return weights;
  throw new UserError('usage.weights', `--weights ${text}: numbers with commas between them.`, {
    nextSteps: ['--weights 0.75,0.25'],
  });
}

/** `0.75 a + 0.25 b`, in three digits. */
export const mixtureName = (weights: number[], names: string[]): string =>
  weights
    .flatMap((weight, i) => (weight === 0 ? [] : [`${Number(weight.toFixed(3))} ${names[i]}`]))
    .join(' + ');
