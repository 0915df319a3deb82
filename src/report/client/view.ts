import type { Range } from './scale.ts';

/** What all charts show of their axis, and where their common cursor is; positions of the axis (axis.ts). */
export interface View {
  readonly full: Range;
  readonly shown: Range;
  readonly cursor: number | null;
  /** Shows this part, kept inside what there is. */
  show(range: Range): void;
  /** Factor below 1: nearer. Around `at`, or the cursor, or the middle. */
  zoom(factor: number, at?: number): void;
  /** Moves by this share of what is shown. */
  pan(share: number): void;
  all(): void;
  point(position: number | null): void;
  /** The runs have grown: a view of everything, or of its end, goes along. */
  grow(full: Range, least: number): void;
  /** Another axis: everything is shown, without a cursor. */
  restart(full: Range, least: number): void;
}

/** `least`: no nearer than this. `changed` is called after every change; `range` says whether another part is shown, or only the cursor moved. */
export function createView(first: Range, least: number, changed: (what: 'range' | 'cursor') => void): View {
  let full = first;
  let nearest = least;
  let shown = first;
  let cursor: number | null = null;

  const show = ([from, to]: Range) => {
    const span = Math.min(Math.max(to - from, nearest), full[1] - full[0]);
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
    point(position) {
      cursor = position;
      if (position !== null && (position < shown[0] || position > shown[1])) {
        const half = (shown[1] - shown[0]) / 2;
        show([position - half, position + half]);
      }
      changed('cursor');
    },
    grow(next, least) {
      const [all, atEnd] = [shown[0] <= full[0] && shown[1] >= full[1], shown[1] >= full[1]];
      [full, nearest] = [next, least];
      if (all) shown = full;
      else if (atEnd) shown = [full[1] - (shown[1] - shown[0]), full[1]];
      changed('range');
    },
    restart(next, least) {
      [full, shown, nearest, cursor] = [next, next, least, null];
      changed('range');
    },
  };
}
