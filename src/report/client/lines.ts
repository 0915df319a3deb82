import type { ChartSpec, CurveName, PageRun, SeriesKind } from '../types.ts';
import { type Axis, measureOf, toPosition } from './axis.ts';
import { type Look, lookOf } from './looks.ts';
import { ema, type Range } from './scale.ts';
import type { View } from './view.ts';

/** What the charts of a page share. */
export interface Shared {
  runs: PageRun[];
  axis: Axis;
  /** Steps that noisy curves are averaged over; 1: none. */
  span: number;
  /** Legend entries that are switched off. */
  hidden: Set<string>;
  /** Drawn for paper, whatever the window is. */
  paper: boolean;
  view: View;
}

/** One curve of one run in a chart. */
export interface Line {
  run: number;
  curve: CurveName;
  /** In the legend. */
  name: string;
  kind: SeriesKind;
  look: Look;
  /** By entry: first and last step of its bucket, where it stands, its values. Entries that have no place on the axis are left out. */
  from: number[];
  step: number[];
  x: number[];
  y: (number | null)[];
  low: (number | null)[];
  high: (number | null)[];
  bad: number[];
  /** An entry stands for several steps. */
  merged: boolean;
  /** `y`, averaged; null: it is drawn as it is. */
  smooth: (number | null)[] | null;
}

/** The curves of a chart; of several runs each run's, in its own look. */
export function linesOf({ series }: ChartSpec, shared: Shared): Line[] {
  const { runs, axis } = shared;
  return runs.flatMap((run, i) => {
    const measure = measureOf(axis.name, run);
    return series.map(({ curve, name, kind }): Line => {
      const points = run.curves[curve];
      const places = points.x.map((step) =>
        measure === null ? Number.NaN : toPosition(axis, measure(step)),
      );
      const kept = places.flatMap((place, at) => (Number.isFinite(place) ? [at] : []));
      const step = kept.map((at) => points.x[at]!);
      const y = kept.map((at) => points.y[at]!);
      return {
        run: i,
        curve,
        name: runs.length === 1 ? name : series.length === 1 ? run.name : `${run.name}, ${name}`,
        kind,
        look: lookOf(runs.length === 1 ? curve : i),
        from: points.from ? kept.map((at) => points.from![at]!) : step,
        step,
        x: kept.map((at) => places[at]!),
        y,
        low: points.lo ? kept.map((at) => points.lo![at]!) : y,
        high: points.hi ? kept.map((at) => points.hi![at]!) : y,
        bad: points.bad ? kept.map((at) => points.bad![at]!) : y.map((value) => (value === null ? 1 : 0)),
        merged: points.from !== undefined,
        smooth: kind === 'noisy' && shared.span > 1 ? ema(step, y, shared.span) : null,
      };
    });
  });
}

/** Steps of the longest run. */
export const longest = (runs: PageRun[]): number => Math.max(1, ...runs.map(lastStep));

const lastStep = ({ curves }: PageRun): number =>
  Math.max(0, ...Object.values(curves).map(({ x }) => x.at(-1) ?? 0));

/** Where a run ends on the axis; NaN: it has no place there. */
export function endOf(run: PageRun, axis: Axis): number {
  const measure = measureOf(axis.name, run);
  return measure === null ? Number.NaN : toPosition(axis, measure(lastStep(run)));
}

/** From the first to the last place that any curve has. */
export function fullRange({ runs, axis }: Pick<Shared, 'runs' | 'axis'>): Range {
  const ends = runs.flatMap((run) => {
    const measure = measureOf(axis.name, run);
    if (measure === null) return [];
    return Object.values(run.curves).flatMap(({ x, from }) => {
      const begins = axis.log ? x.find((step) => measure(step) > 0) : (from?.[0] ?? x[0]);
      return begins === undefined
        ? []
        : [toPosition(axis, measure(begins)), toPosition(axis, measure(x.at(-1)!))];
    });
  });
  const places = ends.filter(Number.isFinite);
  if (places.length === 0) return [0, 1];
  const [first, last] = [Math.min(...places), Math.max(...places)];
  return last > first ? [first, last] : [first - 1, first + 1];
}
