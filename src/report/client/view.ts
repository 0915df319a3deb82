import type { Range } from './scale.ts';

/** The steps that all charts show, and where their common cursor is. */
export interface View {
  readonly full: Range;
  readonly shown: Range;
  readonly cursor: number | null;
  /** Shows these steps, kept inside the run. */
  show(range: Range): void;
  /** Factor below 1: nearer. Around `at`, or the cursor, or the middle. */
  zoom(factor: number, at?: number): void;
  /** Moves by this share of what is shown. */
  pan(share: number): void;
  all(): void;
  point(step: number | null): void;
  /** The run has grown: a view of everything, or of its end, goes along. */
  grow(full: Range): void;
}

/** No nearer than this many steps. */
const NEAREST = 4;

/** `changed` is called after every change; `range` says whether the steps shown are others, or only the cursor. */
export function createView(first: Range, changed: (what: 'range' | 'cursor') => void): View {
  let full = first;
  let shown = first;
  let cursor: number | null = null;

  const show = ([from, to]: Range) => {
    const span = Math.min(Math.max(to - from, NEAREST), full[1] - full[0]);
    const middle = (from + to) / 2;
    const start = Math.min(Math.max(middle - span / 2, full[0]), full[1] - span);
    shown = [start, start + span];
    changed('range');
  };
  return {
    get full() {
      return full;
    },
    get shown() {
      return shown;
    },
    get cursor() {
      return cursor;
    },
    show,
    zoom(factor, at) {
      const inView = cursor !== null && cursor >= shown[0] && cursor <= shown[1];
      const around = at ?? (inView ? cursor! : (shown[0] + shown[1]) / 2);
      show([around - (around - shown[0]) * factor, around + (shown[1] - around) * factor]);
    },
    pan(share) {
      const by = (shown[1] - shown[0]) * share;
      const kept = Math.min(Math.max(by, full[0] - shown[0]), full[1] - shown[1]);
      show([shown[0] + kept, shown[1] + kept]);
    },
    all() {
      show(full);
    },
    point(step) {
      cursor = step;
      if (step !== null && (step < shown[0] || step > shown[1])) {
        const half = (shown[1] - shown[0]) / 2;
        show([step - half, step + half]);
      }
      changed('cursor');
    },
    grow(next) {
      const [all, atEnd] = [shown[0] <= full[0] && shown[1] >= full[1], shown[1] >= full[1]];
      full = next;
      if (all) shown = full;
      else if (atEnd) shown = [full[1] - (shown[1] - shown[0]), full[1]];
      changed('range');
    },
  };
}
