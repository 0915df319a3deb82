import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  linearTicks,
  logTicks,
  movingAverage,
  nearest,
  say,
  valueRange,
} from '../../src/report/client/scale.ts';

const finite = fc.double({ min: -1e9, max: 1e9, noNaN: true });

describe('axes', () => {
  test('ticks are round, inside, and about as many as asked', () => {
    expect(linearTicks([0, 10], 5)).toEqual([0, 2, 4, 6, 8, 10]);
    expect(linearTicks([2.41, 2.58], 4)).toEqual([2.45, 2.5, 2.55]);
    fc.assert(
      fc.property(finite, fc.double({ min: 1e-6, max: 1e9, noNaN: true }), (low, span) => {
        const ticks = linearTicks([low, low + span], 5);
        for (const tick of ticks) {
          expect(tick).toBeGreaterThanOrEqual(low - span * 1e-3 - Math.abs(low) * 1e-9);
          expect(tick).toBeLessThanOrEqual(low + span + span * 1e-3 + Math.abs(low) * 1e-9);
        }
        expect(ticks.length).toBeLessThanOrEqual(11);
      }),
    );
  });

  test('a logarithmic axis shows powers of ten; a short one round numbers', () => {
    expect(logTicks([0.01, 1000])).toEqual([0.01, 0.1, 1, 10, 100, 1000]);
    expect(logTicks([0.8, 2.2])).toEqual([1, 1.5, 2]);
  });

  test('the range holds the values; one spike does not flatten the rest', () => {
    const quiet = Array.from({ length: 100 }, (_, i) => 2 + 0.01 * Math.sin(i));
    const [low, high] = valueRange([...quiet, 5000], { zero: false, log: false })!;
    expect(low).toBeLessThan(2);
    expect(high).toBeLessThan(3);
    expect(valueRange([0, 5, 10], { zero: true, log: false })).toEqual([0, 10.6]);
    expect(valueRange([], { zero: true, log: false })).toBeNull();
    expect(valueRange([Number.NaN, Number.POSITIVE_INFINITY], { zero: false, log: false })).toBeNull();
    const [from, to] = valueRange([3], { zero: false, log: false })!;
    expect(from).toBeLessThan(3);
    expect(to).toBeGreaterThan(3);
  });
});

test('a moving average is the mean of neighbours, keeps gaps, and never leaves the range of its values', () => {
  expect(movingAverage([1, 2, 3, 4, 5], 3)).toEqual([1, 2, 3, 4, 5]);
  expect(movingAverage([0, 3, 0, null, 6], 3)).toEqual([0, 1, 1.5, null, 6]);
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0, max: 10, noNaN: true }), { minLength: 1 }),
      fc.integer({ min: 1, max: 30 }),
      (values, window) => {
        for (const mean of movingAverage(values, window)) {
          expect(mean).toBeGreaterThanOrEqual(Math.min(...values) - 1e-9);
          expect(mean).toBeLessThanOrEqual(Math.max(...values) + 1e-9);
        }
      },
    ),
  );
});

test('the nearest step is the nearest', () => {
  expect(nearest([], 3)).toBe(-1);
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer(), { minLength: 1 }), fc.integer(), (steps, wanted) => {
      const sorted = steps.sort((a, b) => a - b);
      const found = sorted[nearest(sorted, wanted)]!;
      expect(Math.abs(found - wanted)).toBe(Math.min(...sorted.map((step) => Math.abs(step - wanted))));
    }),
  );
});

test('values are said as people write them', () => {
  expect(say(2.34567, 'loss')).toBe('2.3457');
  expect(say(2.5, 'loss', true)).toBe('2.5');
  expect(say(51_234, 'count')).toBe('51.2 k');
  expect(say(60e9, 'bytes')).toBe('60 GB');
  expect(say(0.4137, 'share')).toBe('41.4%');
  expect(say(0.0002, 'number')).toBe('2.00e-4');
  expect(say(null, 'loss')).toBe('not finite');
});
