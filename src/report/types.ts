/**
 * What the pages are built from. Type-only, and free of Node: the script that runs in the browser imports it too.
 */

/** A curve as drawn: one entry a bucket of steps, `x` ascending. */
export interface Points {
  /** Last step of each bucket. */
  x: number[];
  /** Mean of the bucket's finite values; null: it has none. */
  y: (number | null)[];
  /** First step of each bucket; absent when every bucket is one step. */
  from?: number[];
  /** Smallest and largest finite value of each bucket; absent together with `from`. */
  lo?: (number | null)[];
  hi?: (number | null)[];
  /** Values that were NaN or infinite, by bucket; absent when there were none. */
  bad?: number[];
}

/** Curves of a run. Steps on the x axis of all of them. */
export type CurveName = 'eval' | 'train' | 'speed' | 'mfu' | 'memory' | 'gradNorm' | 'lr';
export type Curves = Record<CurveName, Points>;

/** How a chart's values are written: nats, a plain count, a share of 1, bytes, or a number of any size. */
export type ValueFormat = 'loss' | 'count' | 'share' | 'bytes' | 'number';

export interface ChartSpec {
  id: string;
  title: string;
  /** What the values are, after the title. */
  unit: string;
  format: ValueFormat;
  /** `noisy` curves are drawn faint under their moving average; `points` show each value. */
  series: { curve: CurveName; name: string; kind: 'line' | 'noisy' | 'points' }[];
  /** Horizontal lines to compare with. */
  lines: { y: number; name: string }[];
  log: boolean;
  /** Start the axis at zero. */
  zero: boolean;
}

/** The data block of a run's page. */
export interface RunPageData {
  kind: 'run';
  live: boolean;
  curves: Curves;
  charts: ChartSpec[];
  /** Steps at which training went on from a checkpoint. */
  resumed: number[];
}

/** Replaces everything of a curve from index `at` on. */
export interface CurveChange {
  at: number;
  points: Points;
}

/** One message of the live page: what changed since the last one. */
export interface LiveChange {
  curves: Partial<Record<CurveName, CurveChange>>;
  charts: ChartSpec[];
  resumed: number[];
  /** HTML of sections that changed, by the id of their element. */
  sections: Record<string, string>;
  /** For the page's title. */
  title: string;
  /** For screen readers, when there is something worth saying. */
  announce: string | null;
}
