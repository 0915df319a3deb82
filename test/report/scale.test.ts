import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ema,
  linearTicks,
  logTicks,
  nearest,
  spansFor,
  timeTicks,
  valueRange,
} from '../../src/report/client/scale.ts';
import { say } from '../../src/report/client/words.ts';

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

describe('an exponential moving average', () => {
  test('weighs by steps, is right from the first value on, and keeps gaps', () => {
    // Span 3: a value weighs half of what the one a step later does.
    expect(ema([1, 2, 3], [8, 8, 2], 3)).toEqual([8, 8, (2 + 8 / 2 + 8 / 4) / (1 + 1 / 2 + 1 / 4)]);
    expect(ema([1, 3], [8, 2], 3)[1]).toBeCloseTo((2 + 8 / 4) / (1 + 1 / 4), 12);
    expect(ema([1, 2, 3], [4, null, 4], 9)).toEqual([4, null, 4]);
    expect(ema([1, 2], [1, 5], 1)).toEqual([1, 5]);
  });

  test('never leaves the range of its values', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 10, noNaN: true }), { minLength: 1 }),
        fc.integer({ min: 1, max: 3000 }),
        (values, span) => {
          for (const mean of ema([...values.keys()], values, span)) {
            expect(mean).toBeGreaterThanOrEqual(Math.min(...values) - 1e-9);
            expect(mean).toBeLessThanOrEqual(Math.max(...values) + 1e-9);
          }
        },
      ),
    );
  });

  test('goes over up to a quarter of the run', () => {
    expect(spansFor(60)).toEqual([1, 2, 5, 10]);
    expect(spansFor(3)).toEqual([1]);
    expect(spansFor(1_000_000).at(-1)).toBe(200_000);
  });
});

test('ticks of time are whole seconds, minutes, hours and days', () => {
  expect(timeTicks([0, 300], 5)).toEqual([0, 60, 120, 180, 240, 300]);
  expect(timeTicks([0, 40_000], 4)).toEqual([0, 10_800, 21_600, 32_400]);
  expect(timeTicks([0, 3 * 86_400 * 30], 3)).toEqual([0, 30, 60, 90].map((days) => days * 86_400));
  expect(timeTicks([0, 0.5], 5)).toEqual([0, 0.1, 0.2, 0.3, 0.4, 0.5]);
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
  expect(say(51_234, 'count')).toBe('51.2k');
  expect(say(60e9, 'bytes')).toBe('60.0 GB');
  expect(say(0.4137, 'share')).toBe('41.4%');
  expect(say(0.0002, 'number')).toBe('2e-4');
  expect(say(null, 'loss')).toBe('not finite');
});
