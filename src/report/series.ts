import type { Points } from './types.ts';

interface Bucket {
  from: number;
  to: number;
  /** Finite values. */
  count: number;
  sum: number;
  min: number;
  max: number;
  /** Values that were not finite. */
  bad: number;
}

export interface Series {
  /** Takes the next value; `x` (a step, from 0 on) must not be smaller than the last one. Null stands for NaN and infinity. */
  push(x: number, y: number | null): void;
  /** Forgets everything after `x`, for a run that went back to a checkpoint. A bucket that `x` cuts stays whole. */
  cut(x: number): void;
  /** Buckets from index `at` on; numbers with six digits, which is more than a screen shows. */
  points(at?: number): Points;
  readonly length: number;
  /** Points stand for several steps. */
  readonly merged: boolean;
  /** Changes when earlier buckets did; between two changes only the last bucket grows and new ones come. */
  readonly generation: number;
  /** How many values were pushed. */
  readonly pushed: number;
  /** Where the curve ends. */
  readonly lastX: number | null;
  /** Last value pushed, and the smallest and largest of all. */
  readonly last: number | null;
  readonly min: number | null;
  readonly max: number | null;
}

/**
 * A curve of any length in bounded memory: while it fits, every value; then buckets of 2, 4, 8 … steps, each with mean, minimum and
 * maximum, so that no spike is lost however long the run. Values can be added for ever.
 */
export function createSeries(capacity = 2000, firstGeneration = 0): Series {
  let buckets: Bucket[] = [];
  let width = 1;
  let generation = firstGeneration;
  let last: number | null = null;
  let pushed = 0;

  const widen = () => {
    width *= 2;
    generation += 1;
    const merged: Bucket[] = [];
    for (const bucket of buckets) {
      const before = merged.at(-1);
      if (before && keyOf(before.to) === keyOf(bucket.from)) absorb(before, bucket);
      else merged.push(bucket);
    }
    buckets = merged;
  };
  const keyOf = (x: number) => Math.floor(x / width);
  const extreme = (pick: (bucket: Bucket) => number, better: (...values: number[]) => number) => {
    let found: number | null = null;
    for (const bucket of buckets)
      if (bucket.count > 0) found = found === null ? pick(bucket) : better(found, pick(bucket));
    return found;
  };

  return {
    push(x, y) {
      const finite = y !== null && Number.isFinite(y);
      const value: Bucket = {
        from: x,
        to: x,
        count: finite ? 1 : 0,
        sum: finite ? y : 0,
        min: finite ? y : Number.POSITIVE_INFINITY,
        max: finite ? y : Number.NEGATIVE_INFINITY,
        bad: finite ? 0 : 1,
      };
      last = finite ? y : null;
      pushed += 1;
      const tail = buckets.at(-1);
      if (tail && keyOf(tail.to) === keyOf(x)) absorb(tail, value);
      else buckets.push(value);
      while (buckets.length > capacity) widen();
    },
    cut(x) {
      generation += 1;
      while (buckets.length > 0 && buckets.at(-1)!.from > x) buckets.pop();
      const tail = buckets.at(-1);
      if (tail) tail.to = Math.min(tail.to, x);
    },
    points(at = 0) {
      const part = buckets.slice(at);
      const many = buckets.some((bucket) => bucket.from !== bucket.to || bucket.count + bucket.bad > 1);
      const points: Points = {
        x: part.map((bucket) => bucket.to),
        y: part.map((bucket) => (bucket.count === 0 ? null : digits(bucket.sum / bucket.count))),
      };
      if (many) {
        points.from = part.map((bucket) => bucket.from);
        points.lo = part.map((bucket) => (bucket.count === 0 ? null : digits(bucket.min)));
        points.hi = part.map((bucket) => (bucket.count === 0 ? null : digits(bucket.max)));
      }
      if (buckets.some((bucket) => bucket.bad > 0)) points.bad = part.map((bucket) => bucket.bad);
      return points;
    },
    get length() {
      return buckets.length;
    },
    get merged() {
      return width > 1;
    },
    get generation() {
      return generation;
    },
    get pushed() {
      return pushed;
    },
    get lastX() {
      return buckets.at(-1)?.to ?? null;
    },
    get last() {
      return last;
    },
    get min() {
      return extreme((bucket) => bucket.min, Math.min);
    },
    get max() {
      return extreme((bucket) => bucket.max, Math.max);
    },
  };
}

/** Adds what comes right after `into`. */
function absorb(into: Bucket, next: Bucket): void {
  into.to = Math.max(into.to, next.to);
  into.count += next.count;
  into.sum += next.sum;
  into.min = Math.min(into.min, next.min);
  into.max = Math.max(into.max, next.max);
  into.bad += next.bad;
}

const digits = (value: number): number => Number(value.toPrecision(6));
