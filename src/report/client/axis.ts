import { formatCount, formatDuration, formatNumber, formatWhole } from '../../text/format.ts';
import type { PageRun, Points } from '../types.ts';
import { linearTicks, logTicks, type Range, timeTicks } from './scale.ts';

/** What lies across: how far a run was, in one of four measures, evenly or by powers of ten. Positions are numbers of the drawn axis: of `log` the logarithm. */

export const AXES = {
  steps: {
    title: 'Steps',
    say: (value: number) => `step ${formatWhole(Math.round(value))}`,
    range: (from: number, to: number) =>
      `steps ${formatWhole(Math.max(0, Math.round(from)))}–${formatWhole(Math.round(to))}`,
    tick: (value: number) => formatWhole(value),
  },
  tokens: {
    title: 'Tokens',
    say: (value: number) => `${formatCount(Math.round(value))} tokens`,
    range: (from: number, to: number) =>
      `${formatCount(Math.max(0, Math.round(from)))}–${formatCount(Math.round(to))} tokens`,
    tick: formatCount,
  },
  time: {
    title: 'Time at work',
    say: formatDuration,
    range: (from: number, to: number) => `${formatDuration(Math.max(0, from))}–${formatDuration(to)} at work`,
    tick: (value: number) => (value < 60 ? `${formatNumber(value)} s` : formatDuration(value)),
  },
  flops: {
    title: 'FLOPs',
    say: (value: number) => `${formatNumber(value)} FLOPs`,
    range: (from: number, to: number) => `${formatNumber(Math.max(0, from))}–${formatNumber(to)} FLOPs`,
    tick: formatNumber,
  },
} as const;

export type AxisName = keyof typeof AXES;

export interface Axis {
  name: AxisName;
  log: boolean;
}

/** Where a value of the measure stands on the axis; NaN: nowhere. And back. */
export const toPosition = ({ log }: Axis, value: number): number =>
  log ? (value > 0 ? Math.log10(value) : Number.NaN) : value;
export const fromPosition = ({ log }: Axis, position: number): number => (log ? 10 ** position : position);

/** How far a run was at each of its steps; null: nobody knows (no such events, or a run of an earlier version). */
export function measureOf(
  name: AxisName,
  { curves, flopsPerToken }: PageRun,
): ((step: number) => number) | null {
  if (name === 'steps') return (step) => step;
  if (name === 'time') return along(curves.seconds);
  const tokens = along(curves.tokens);
  if (name === 'tokens' || tokens === null) return tokens;
  return flopsPerToken === null ? null : (step) => tokens(step) * flopsPerToken;
}

/** A quantity that grows with the steps, read between those that are known; before them from zero on, behind them as it grew last. */
function along({ x, y, hi }: Points): ((step: number) => number) | null {
  // At the last step of a bucket a growing quantity is the bucket's largest.
  const known = x.flatMap((step, i) => {
    const value = hi?.[i] ?? y[i];
    return value == null ? [] : [[step, value] as const];
  });
  if (known.length === 0) return null;
  const points = known[0]![0] > 0 ? [[0, 0] as const, ...known] : known;
  return (step) => {
    let [low, high] = [0, points.length - 1];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (points[middle]![0] <= step) low = middle;
      else high = middle;
    }
    const [[fromStep, from], [toStep, to]] = [points[low]!, points[high]!];
    return toStep === fromStep ? to : from + ((step - fromStep) / (toStep - fromStep)) * (to - from);
  };
}

/** Round values in view, about `count` of them. */
export function ticksOf({ name, log }: Axis, [from, to]: Range, count: number): number[] {
  if (log) return logTicks([10 ** from, 10 ** to]);
  if (name === 'time') return timeTicks([from, to], count);
  const ticks = linearTicks([from, to], count);
  return name === 'steps' ? ticks.filter(Number.isInteger) : ticks;
}

/** A position of the axis in words. */
export const sayPosition = (axis: Axis, position: number): string =>
  AXES[axis.name].say(fromPosition(axis, position));
