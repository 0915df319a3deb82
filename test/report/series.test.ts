import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { applyChange } from '../../src/report/client/scale.ts';
import { createSeries } from '../../src/report/series.ts';
import type { Points } from '../../src/report/types.ts';

const value = fc.option(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { freq: 8 });
const rounded = (number: number) => Number(number.toPrecision(6));

/** Steps ascending by gaps of any size. */
const curve = fc.array(fc.tuple(fc.integer({ min: 0, max: 50 }), value), { maxLength: 400 }).map((pairs) => {
  let step = 0;
  return pairs.map(([gap, y]) => {
    step += gap;
    return [step, y] as const;
  });
});

describe('a series', () => {
  test('keeps every value while they fit', () => {
    const series = createSeries(10);
    for (let step = 1; step <= 10; step += 1) series.push(step, step / 3);
    expect(series.points()).toEqual({
      x: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
      y: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((n) => rounded(n / 3)),
    });
  });

  test('of any length has no more buckets than asked, in order, and loses no extreme, no gap and no value', () => {
    fc.assert(
      fc.property(curve, fc.integer({ min: 2, max: 40 }), (pairs, capacity) => {
        const series = createSeries(capacity);
        for (const [x, y] of pairs) series.push(x, y);
        const { x, y, from = x, lo = y, hi = y, bad } = series.points();
        expect(x.length).toBeLessThanOrEqual(capacity);
        for (const [i, to] of x.entries()) {
          expect(from[i]!).toBeLessThanOrEqual(to);
          if (i > 0) expect(from[i]!).toBeGreaterThan(x[i - 1]!);
          const inside = pairs.filter(([step]) => step >= from[i]! && step <= to);
          const finite = inside.map(([, y]) => y).filter((y) => y !== null);
          expect(bad?.[i] ?? 0).toBe(inside.length - finite.length);
          if (finite.length === 0) {
            expect(y[i]).toBeNull();
            continue;
          }
          expect(lo[i]).toBe(rounded(Math.min(...finite)));
          expect(hi[i]).toBe(rounded(Math.max(...finite)));
          const mean = finite.reduce((sum, y) => sum + y, 0) / finite.length;
          expect(Math.abs(y[i]! - mean)).toBeLessThanOrEqual(1e-5 * Math.max(...finite.map(Math.abs), 1));
        }
        // Every value lies in one bucket.
        for (const [step] of pairs) expect(x.some((to, i) => step >= from[i]! && step <= to)).toBe(true);
      }),
    );
  });

  test('a million values stay two thousand, and one spike among them is still seen', () => {
    const series = createSeries();
    for (let step = 1; step <= 1_000_000; step += 1) series.push(step, step === 777_777 ? 99 : 1);
    const { x, hi } = series.points();
    expect(x.length).toBeLessThanOrEqual(2000);
    expect(x.length).toBeGreaterThan(900);
    expect(hi!.filter((most) => most === 99)).toHaveLength(1);
    expect(series.max).toBe(99);
  });

  test('goes back to a checkpoint', () => {
    const series = createSeries(4);
    for (let step = 1; step <= 3; step += 1) series.push(step, step);
    series.cut(1);
    series.push(2, 20);
    expect(series.points()).toEqual({ x: [1, 2], y: [1, 20] });
    series.cut(0);
    expect(series.length).toBe(0);
    expect(series.lastX).toBeNull();
  });

  test('sent piece by piece it arrives as a whole', () => {
    fc.assert(
      fc.property(
        curve,
        fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 20 }),
        (pairs, batches) => {
          const series = createSeries(16);
          let here: Points = { x: [], y: [] };
          let sent = { length: 0, generation: series.generation };
          let next = 0;
          for (const size of batches) {
            for (const [x, y] of pairs.slice(next, next + size)) series.push(x, y);
            next += size;
            const at = sent.generation === series.generation ? Math.max(0, sent.length - 1) : 0;
            here = applyChange(here, { at, points: series.points(at) });
            sent = { length: series.length, generation: series.generation };
          }
          const there = series.points();
          expect(here.x).toEqual(there.x);
          expect(here.y).toEqual(there.y);
          expect(here.hi ?? here.y).toEqual(there.hi ?? there.y);
          expect(here.from ?? here.x).toEqual(there.from ?? there.x);
        },
      ),
    );
  });
});
