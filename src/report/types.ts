/**
 * What the pages are built from. Free of Node: the script that runs in the browser imports it too.
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

/** Curves of a run, over its steps. `tokens` and `seconds` (at work) tell how far each step was: no chart, but an axis of all of them. */
export const CURVES = [
  'eval',
  'train',
  'speed',
  'mfu',
  'memory',
  'gradNorm',
  'lr',
  'gain',
  'pWin',
  'tokens',
  'seconds',
] as const;
export type CurveName = (typeof CURVES)[number];
export type Curves = Record<CurveName, Points>;

/** How a chart's values are written: nats, a plain count, a share of 1, bytes, or a number of any size. */
export type ValueFormat = 'loss' | 'count' | 'share' | 'bytes' | 'number';

/** `noisy` curves are drawn faint under their moving average; `points` show each value. */
export type SeriesKind = 'line' | 'noisy' | 'points';

export interface ChartSpec {
  id: string;
  title: string;
  /** What the values are, after the title. */
  unit: string;
  format: ValueFormat;
  /** Drawn of every run of the page. */
  series: { curve: CurveName; name: string; kind: SeriesKind }[];
  /** Horizontal lines to compare with. */
  lines: { y: number; name: string }[];
  /** Powers of ten upwards, until somebody switches. */
  log: boolean;
  /** Start the axis at zero. */
  zero: boolean;
  /** As wide as the page. */
  wide: boolean;
}

/** A run as the charts have it. */
export interface PageRun {
  /** In legends. */
  name: string;
  curves: Curves;
  /** Steps at which training went on from a checkpoint. */
  resumed: number[];
  /** Of training on one token; null: the run does not say. */
  flopsPerToken: number | null;
}

/** The data block of a page of runs. */
export interface RunPageData {
  kind: 'run';
  live: boolean;
  /** In the order of their colours. */
  runs: PageRun[];
  charts: ChartSpec[];
}

/** Replaces everything of a curve from index `at` on. */
export interface CurveChange {
  at: number;
  points: Points;
}

/** What is new of a run. */
export interface RunChange {
  curves: Partial<Record<CurveName, CurveChange>>;
  resumed: number[];
  flopsPerToken: number | null;
}

/** One message of the live page: what changed since the last one. */
export interface LiveChange {
  /** Of each run of the page. */
  runs: RunChange[];
  charts: ChartSpec[];
  /** HTML of sections that changed, by the id of their element. */
  sections: Record<string, string>;
  /** For the page's title. */
  title: string;
  /** For screen readers, when there is something worth saying. */
  announce: string | null;
}

/** The last message. */
export interface Farewell {
  farewell: string;
}
