import type { CurveChange, Points, ValueFormat } from '../types.ts';

/** Numbers of charts: ranges, ticks, words. Pure, so that tests outside a browser can hold it to its word. */

export type Range = [number, number];

/** 1, 2 or 5 times a power of ten: the ticks of a linear axis over `range`, about `count` of them. */
export function linearTicks([low, high]: Range, count: number): number[] {
  const rough = (high - low) / Math.max(1, count);
  if (!(rough > 0) || !Number.isFinite(rough)) return [low];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough * 0.999)!;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) =>
    Number(((first + i) * step).toPrecision(12)),
  );
}

/** Ticks of a logarithmic axis; `low` must be above 0. Powers of ten alone when there are many, else with 2 and 5. */
export function logTicks([low, high]: Range): number[] {
  const powers = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))] as const;
  const decades = powers[1] - powers[0];
  if (high / low < 20) return linearTicks([low, high], 3).filter((tick) => tick > 0);
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
  if (log) return high / low < 1.5 ? [low / 1.5, high * 1.5] : [low / 1.1, high * 1.1];
  if (zero && low >= 0) low = 0;
  if (high === low) {
    const room = Math.abs(high) * 0.1 || 1;
    return [zero && low === 0 ? 0 : low - room, high + room];
  }
  const room = (high - low) * 0.06;
  return [zero && low === 0 ? 0 : low - room, high + room];
}

/** Mean over `window` neighbours, half of them on each side; gaps stay gaps and count for nothing. */
export function movingAverage(values: (number | null)[], window: number): (number | null)[] {
  const half = Math.floor(window / 2);
  if (half < 1) return values;
  const sums = new Float64Array(values.length + 1);
  const counts = new Uint32Array(values.length + 1);
  values.forEach((value, i) => {
    sums[i + 1] = sums[i]! + (value ?? 0);
    counts[i + 1] = counts[i]! + (value === null ? 0 : 1);
  });
  return values.map((value, i) => {
    if (value === null) return null;
    // Narrower at the ends, so that the average stays in the middle of what it is taken over.
    const reach = Math.min(half, i, values.length - 1 - i);
    const [from, to] = [i - reach, i + reach + 1];
    return (sums[to]! - sums[from]!) / (counts[to]! - counts[from]!);
  });
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

const short = (value: number): string => String(Number(value.toPrecision(3)));

function scaled(value: number, units: string[]): string {
  let [size, unit] = [value, 0];
  while (Math.abs(size) >= 999.5 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${short(size)}${units[unit]}`;
}

/** A value in words; `tick`: as an axis says it, with no more digits than needed. */
export function say(value: number | null, format: ValueFormat, tick = false): string {
  if (value === null) return 'not finite';
  switch (format) {
    case 'loss':
      return tick ? short(value) : value.toFixed(4);
    case 'count':
      return scaled(value, ['', ' k', ' M', ' G', ' T']);
    case 'bytes':
      return scaled(value, [' B', ' kB', ' MB', ' GB', ' TB']);
    case 'share':
      return `${short(value * 100)}%`;
    case 'number':
      return value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e5)
        ? value.toExponential(tick ? 0 : 2).replace('e+', 'e')
        : short(value);
  }
}

/** Whole steps with separators: `12,000`. */
export const sayStep = (step: number): string => Math.round(step).toLocaleString('en');
