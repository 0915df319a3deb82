import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mixtureName, mixturesOf, parseWeights } from '../../src/merging/candidates.ts';

const nothing = { weights: [], grid: null };

test('of two models the points between them, of more their mean', () => {
  expect(mixturesOf(2, nothing)).toEqual([
    [0.75, 0.25],
    [0.5, 0.5],
    [0.25, 0.75],
  ]);
  expect(mixturesOf(2, { weights: [], grid: 2 })).toEqual([[0.5, 0.5]]);
  expect(mixturesOf(3, nothing)).toEqual([[1 / 3, 1 / 3, 1 / 3]]);
  expect(mixtureName([0.75, 0.25], ['king', 'mine'])).toBe('0.75 king + 0.25 mine');
});

test('every mixture has a weight for each model, and they sum to 1', () => {
  const models = fc.integer({ min: 2, max: 8 });
  fc.assert(
    fc.property(models, fc.integer({ min: 2, max: 100 }), (count, grid) => {
      for (const weights of mixturesOf(count, { weights: [], grid: count === 2 ? grid : null })) {
        expect(weights).toHaveLength(count);
        expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 12);
        expect(weights.every((weight) => weight > 0)).toBe(true);
      }
    }),
  );
});

test('weights as typed are held to the models', () => {
  expect(mixturesOf(2, { weights: [parseWeights('0.3333,0.6667')], grid: null })).toHaveLength(1);
  // Going beyond a model is a mixture too.
  expect(mixturesOf(2, { weights: [parseWeights('-0.5,1.5')], grid: null })).toEqual([[-0.5, 1.5]]);
  for (const wrong of ['0.5', '0.5,0.6', '0.2,0.3,0.5'])
    expect(() => mixturesOf(2, { weights: [parseWeights(wrong)], grid: null })).toThrow(/--weights/);
  for (const text of ['', 'a,b', '0.5,', '1,Infinity']) expect(() => parseWeights(text)).toThrow(/--weights/);
  expect(() => mixturesOf(3, { weights: [], grid: 4 })).toThrow(/--grid/);
});

test('weights that do not sum to 1 are answered with those shares that do, and are taken', () => {
  const step = (weights: number[], models: number) => {
    try {
      mixturesOf(models, { weights: [weights], grid: null });
    } catch (error) {
      return (error as { nextSteps: string[] }).nextSteps[0]!.replace('--weights ', '');
    }
    return null;
  };
  expect(step([1, 3], 2)).toBe('0.25,0.75');
  expect(step([1, -1], 2)).toBe('0.5,0.5');
  const typed = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(typed, fc.integer({ min: 1, max: 40 }), (weights, models) => {
      const hint = step(weights, models);
      if (hint !== null) expect(step(parseWeights(hint), models), hint).toBeNull();
    }),
  );
});
