import type { CurveChange, Points } from '../types.ts';

/** Numbers of charts: ranges, ticks, averages. Pure, so that tests outside a browser can hold it to its word. */

export type Range = [number, number];

/** 1, 2 or 5 times a power of ten: the ticks of a linear axis over `range`, about `count` of them. */
export function linearTicks([low, high]: Range, count: number): number[] {
  const rough = (high - low) / Math.max(1, count);
  if (!(rough > 0) || !Number.isFinite(rough)) return [low];
  const power = 10 ** Math.floor(Math.log10(rough));
  return multiples(
    [low, high],
    [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough * 0.999)!,
  );
}

const SECONDS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400,
];

/** The same of seconds: whole minutes, hours and days. */
export function timeTicks([low, high]: Range, count: number): number[] {
  const rough = (high - low) / Math.max(1, count);
  if (!(rough > 1)) return linearTicks([low, high], count);
  const size = SECONDS.find((seconds) => seconds >= rough) ?? Math.ceil(rough / 86_400) * 86_400;
  return multiples([low, high], size);
}

function multiples([low, high]: Range, size: number): number[] {
  const first = Math.ceil(low / size - 1e-9);
  const last = Math.floor(high / size + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) =>
    Number(((first + i) * size).toPrecision(12)),
  );
}

/** Ticks of a logarithmic axis; `low` must be above 0. Powers of ten alone when there are many, else with 2 and 5. */
export function logTicks([low, high]: Range): number[] {
  const powers = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))] as const;
  const decades = powers[1] - powers[0];
  if (high / low < 20) return linearTicks([low, high], 5).filter((tick) => tick > 0);
  const every = Math.max(1, Math.ceil(decades / 6));
  const factors = decades <= 3 ? [1, 2, 5] : [1];
  const ticks: number[] = [];
  for (let power = powers[0]; power <= powers[1]; power += every)
    for (const factor of factors) ticks.push(Number((factor * 10 ** power).toPrecision(6)));
  return ticks.filter((tick) => tick >= low * 0.999 && tick <= high * 1.001);
}

/**
 * The span of the values that a chart should show. A few values far above the rest are left outside (the chart marks them), so that
 * one spike does not flatten everything else.
 */
export function valueRange(values: number[], { zero, log }: { zero: boolean; log: boolean }): Range | null {
  const sorted = values
    .filter((value) => Number.isFinite(value) && (!log || value > 0))
    .sort((a, b) => a - b);
  if (sorted.length === 0) return null;
  const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))]!;
  let [low, high] = [sorted[0]!, sorted.at(-1)!];
  const usual = at(0.98) - at(0.02);
  if (!log && sorted.length > 20 && high > at(0.98) + 4 * usual && usual > 0) high = at(0.98) + usual;
  if (log) return high / low < 1.5 ? [low / 1.2, high * 1.2] : [low / 1.05, high * 1.05];
  if (zero && low >= 0) low = 0;
  if (high === low) {
    const room = Math.abs(high) * 0.1 || 1;
    return [zero && low === 0 ? 0 : low - room, high + room];
  }
  const room = (high - low) * 0.06;
  return [zero && low === 0 ? 0 : low - room, high + room];
}

/**
 * Exponential moving average over about `span` steps: a value's weight falls by the factor 1 - 2 / (span + 1) a step, whether each step has a
 * value or not. Corrected for its beginning; gaps stay gaps and count for nothing.
 */
export function ema(steps: number[], values: (number | null)[], span: number): (number | null)[] {
  if (span <= 1) return values;
  const decay = 1 - 2 / (span + 1);
  let [sum, weight, before] = [0, 0, steps[0] ?? 0];
  return values.map((value, i) => {
    if (value === null) return null;
    const left = decay ** (steps[i]! - before);
    before = steps[i]!;
    sum = sum * left + value;
    weight = weight * left + 1;
    return sum / weight;
  });
}

/** Spans that a curve of so many steps can be averaged over: none, then 2, 5, 10 … up to a quarter of it. */
export function spansFor(steps: number): number[] {
  const spans = [1];
  for (let power = 1; power <= steps; power *= 10)
    for (const factor of [2, 5, 10]) if (factor * power <= steps / 4) spans.push(factor * power);
  return spans;
}

/** Index of the entry of ascending `xs` nearest to `x`; -1: there is none. */
export function nearest(xs: number[], x: number): number {
  let [low, high] = [0, xs.length - 1];
  if (high < 0) return -1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (xs[middle]! <= x) low = middle;
    else high = middle;
  }
  return Math.abs(xs[high]! - x) < Math.abs(x - xs[low]!) ? high : low;
}

/** Replaces the end of a curve by what the live page was sent. */
export function applyChange(points: Points, { at, points: next }: CurveChange): Points {
  const joined: Points = {
    x: [...points.x.slice(0, at), ...next.x],
    y: [...points.y.slice(0, at), ...next.y],
  };
  if (points.from || next.from) {
    joined.from = [...(points.from ?? points.x).slice(0, at), ...(next.from ?? next.x)];
    joined.lo = [...(points.lo ?? points.y).slice(0, at), ...(next.lo ?? next.y)];
    joined.hi = [...(points.hi ?? points.y).slice(0, at), ...(next.hi ?? next.y)];
  }
  if (points.bad || next.bad) {
    const none = (length: number) => new Array<number>(length).fill(0);
    joined.bad = [
      ...(points.bad ?? none(points.x.length)).slice(0, at),
      ...(next.bad ?? none(next.x.length)),
    ];
  }
  return joined;
}
