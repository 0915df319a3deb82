import { expect, test } from 'vitest';
import { measureOf, ticksOf, toPosition } from '../../src/report/client/axis.ts';
import { csvOf } from '../../src/report/client/csv.ts';
import { fullRange, linesOf, type Shared } from '../../src/report/client/lines.ts';
import { lookOf } from '../../src/report/client/looks.ts';
import { readingsAt } from '../../src/report/client/readings.ts';
import { createView } from '../../src/report/client/view.ts';
import { type ChartSpec, CURVES, type Curves, type PageRun } from '../../src/report/types.ts';

const none = { x: [], y: [] };
const run = (name: string, curves: Partial<Curves>, flopsPerToken: number | null = 5): PageRun => ({
  name,
  curves: { ...(Object.fromEntries(CURVES.map((curve) => [curve, none])) as unknown as Curves), ...curves },
  resumed: [],
  flopsPerToken,
});
const SPEC: ChartSpec = {
  id: 'eval',
  title: 'Held-out loss',
  unit: 'nats a token',
  format: 'loss',
  series: [{ curve: 'eval', name: 'held-out', kind: 'points' }],
  lines: [],
  log: false,
  zero: false,
  wide: true,
};
const long = run('long', {
  eval: { x: [0, 100, 200], y: [9, 4, 3] },
  // Buckets of two steps: at its last step a growing quantity is the largest of its bucket.
  tokens: { x: [100, 200], from: [99, 199], y: [9950, 19_950], lo: [9900, 19_900], hi: [10_000, 20_000] },
  seconds: { x: [50, 150], y: [60, 160] },
});
const short = run('=short', { eval: { x: [10, 20], y: [5, null] }, tokens: { x: [20], y: [4000] } }, null);

test('steps are measured in tokens, time and FLOPs: between what is known, from zero on, and as it grew last', () => {
  const tokens = measureOf('tokens', long)!;
  expect([0, 50, 100, 150, 300].map(tokens)).toEqual([0, 5000, 10_000, 15_000, 30_000]);
  const seconds = measureOf('time', long)!;
  expect([0, 25, 100, 200].map(seconds)).toEqual([0, 30, 110, 210]);
  expect(measureOf('flops', long)!(100)).toBe(50_000);
  expect(measureOf('flops', short)).toBeNull();
  expect(measureOf('time', short)).toBeNull();
});

test('an axis of powers of ten has no place for zero, and its ticks are round', () => {
  const axis = { name: 'tokens', log: true } as const;
  expect(toPosition(axis, 0)).toBeNaN();
  expect(toPosition(axis, 1000)).toBeCloseTo(3, 12);
  expect(ticksOf(axis, [2, 5], 5)).toEqual([
    100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000,
  ]);
});

const shared = (runs: PageRun[], axis: Shared['axis']): Shared => {
  const state = { runs, axis, span: 1, paper: false, hidden: new Set<string>() };
  return { ...state, view: createView(fullRange(state), 1, () => {}) };
};

test('runs of unequal length share a chart; one that is over, or has no place on the axis, says nothing', () => {
  const steps = shared([long, short], { name: 'steps', log: false });
  expect(steps.view.full).toEqual([0, 200]);
  const lines = linesOf(SPEC, steps);
  expect(lines.map(({ name }) => name)).toEqual(['long', '=short']);
  expect(readingsAt(SPEC, lines, steps, 10).map(({ text }) => text)).toEqual(['9.0000', '5.0000']);
  expect(readingsAt(SPEC, lines, steps, 100).map(({ text }) => text)).toEqual(['4.0000', '–']);
  expect(readingsAt(SPEC, lines, steps, null).map(({ text }) => text)).toEqual(['3.0000', 'not finite']);
  const flops = shared([long, short], { name: 'flops', log: true });
  // Step 0 has cost nothing.
  expect(linesOf(SPEC, flops).map(({ step }) => step)).toEqual([[100, 200], []]);
});

test('no two of twenty runs look alike, even without colour', () => {
  const looks = Array.from({ length: 20 }, (_, i) => lookOf(i));
  expect(new Set(looks.map(({ dash, mark }) => `${dash} ${mark}`)).size).toBe(20);
  expect(new Set(Array.from({ length: 40 }, (_, i) => Object.values(lookOf(i)).slice(1).join())).size).toBe(
    40,
  );
});

test('the values of a chart as CSV: every one, with its place on each axis, and no name that is a formula', () => {
  expect(csvOf(SPEC, [long, short]).split('\r\n')).toEqual([
    'run,curve,first_step,step,tokens,seconds,flops,value,lowest,highest,not_finite',
    '"long","held-out",0,0,0,0,0.00000,9,9,9,0',
    '"long","held-out",100,100,10000,110,50000.0,4,4,4,0',
    '"long","held-out",200,200,20000,210,100000,3,3,3,0',
    `"'=short","held-out",10,10,2000,,,5,5,5,0`,
    `"'=short","held-out",20,20,4000,,,,,,1`,
    '',
  ]);
});
