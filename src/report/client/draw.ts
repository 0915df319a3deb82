import type { ChartSpec } from '../types.ts';
import { AXES, type Axis, ticksOf } from './axis.ts';
import { svg } from './dom.ts';
import type { Line } from './lines.ts';
import { markAt } from './marks.ts';
import { linearTicks, logTicks, type Range, valueRange } from './scale.ts';
import { say } from './words.ts';

/** Draws a chart's picture; what the mouse and keys do to it is in chart.ts. */

const MARGIN = { left: 58, right: 14, top: 12, bottom: 26 };
/** Up to so many values in view are shown as dots. */
const DOTS = 60;
/** So many marks along a line tell it from others without colour. */
const MARKS = 7;

export interface Picture {
  root: SVGElement;
  /** Pixels of a position on the axis, and back. */
  px(position: number): number;
  at(px: number): number;
  /** Pixels of a value, kept inside the plot. */
  py(value: number): number;
  plot: { left: number; right: number; top: number; bottom: number };
}

export interface Frame {
  axis: Axis;
  shown: Range;
  /** The upright axis goes by powers of ten. */
  log: boolean;
  width: number;
  height: number;
  /** Where training went on from a checkpoint. */
  resumed: number[];
}

interface Part {
  line: Line;
  /** First and last index in view, with one neighbour on each side so that lines reach the edges. */
  from: number;
  to: number;
}

export function drawChart(spec: ChartSpec, lines: Line[], frame: Frame): Picture {
  const { axis, shown, width, height } = frame;
  const plot = {
    left: MARGIN.left,
    right: Math.max(MARGIN.left + 10, width - MARGIN.right),
    top: MARGIN.top,
    bottom: height - MARGIN.bottom,
  };
  const parts = lines.map((line) => partOf(line, shown));
  const values = parts.flatMap(({ line, from, to }) => line.y.slice(from, to + 1)).filter((y) => y !== null);
  // What is not above zero has no place there; without anything else, the axis is a plain one.
  const log = frame.log && values.some((value) => value > 0);
  const range = valueRange(withLines(values, spec, log), { zero: spec.zero, log }) ?? [0, 1];
  const span = shown[1] - shown[0] || 1;
  const px = (position: number) => plot.left + ((position - shown[0]) / span) * (plot.right - plot.left);
  const share = log
    ? (value: number) => Math.log(Math.max(value, range[0]) / range[0]) / Math.log(range[1] / range[0])
    : (value: number) => (value - range[0]) / (range[1] - range[0]);
  const py = (value: number) =>
    plot.bottom - Math.min(1, Math.max(0, share(value))) * (plot.bottom - plot.top);

  const root = svg('svg', {
    width,
    height,
    viewBox: `0 0 ${width} ${height}`,
    'aria-hidden': 'true',
    focusable: 'false',
  });
  axes();
  for (const position of frame.resumed) {
    if (!(position > shown[0] && position < shown[1])) continue;
    root.append(
      svg('line', { class: 'resumed', x1: px(position), x2: px(position), y1: plot.top, y2: plot.bottom }),
    );
    if (spec.wide)
      root.append(svg('text', { class: 'hint', x: px(position) + 4, y: plot.top + 9 }, 'resumed'));
  }
  for (const { y, name } of spec.lines) {
    if (share(y) < 0 || share(y) > 1) continue;
    root.append(
      svg('line', { class: 'compare', x1: plot.left, x2: plot.right, y1: py(y), y2: py(y) }),
      svg('text', { class: 'hint', x: plot.left + 6, y: py(y) - 5 }, name),
    );
  }
  // A picture within the picture: what goes beyond its edges is cut off, here and in every program that shows the saved one.
  const [w, h] = [plot.right - plot.left, plot.bottom - plot.top + 12];
  const inner = svg('svg', {
    x: plot.left,
    y: plot.top - 6,
    width: w,
    height: h,
    viewBox: `${plot.left} ${plot.top - 6} ${w} ${h}`,
  });
  root.append(inner);
  parts.forEach((part, i) => {
    const [curves, marks] = [0, 1].map(() => svg('g', { class: `curve ${part.line.look.colour}` }));
    curve(curves!, marks!, part, i);
    outside(curves!, part);
    inner.append(curves!);
    // Whole where they stand at the edge.
    root.append(marks!);
  });
  return { root, px, py, plot, at: (x) => shown[0] + ((x - plot.left) / (plot.right - plot.left)) * span };

  function axes(): void {
    const rows = Math.max(2, Math.round((plot.bottom - plot.top) / 44));
    for (const tick of log ? logTicks(range) : linearTicks(range, rows)) {
      root.append(
        svg('line', { class: 'grid', x1: plot.left, x2: plot.right, y1: py(tick), y2: py(tick) }),
        svg(
          'text',
          { class: 'tick', x: plot.left - 8, y: py(tick) + 3.5, 'text-anchor': 'end' },
          say(tick, spec.format, true),
        ),
      );
    }
    const columns = Math.max(2, Math.round((plot.right - plot.left) / 80));
    let free = Number.NEGATIVE_INFINITY;
    for (const tick of ticksOf(axis, shown, columns)) {
      const x = px(axis.log ? Math.log10(tick) : tick);
      root.append(svg('line', { class: 'grid up', x1: x, x2: x, y1: plot.bottom, y2: plot.bottom + 4 }));
      const words = AXES[axis.name].tick(tick);
      // Powers of ten may stand too near to one another for their words.
      if (x - words.length * 3.5 < free) continue;
      free = x + words.length * 3.5 + 6;
      root.append(svg('text', { class: 'tick', x, y: plot.bottom + 17, 'text-anchor': edge(x) }, words));
    }
    root.append(
      svg('line', { class: 'axis', x1: plot.left, x2: plot.right, y1: plot.bottom, y2: plot.bottom }),
    );
  }

  function edge(x: number): string {
    return x > plot.right - 14 ? 'end' : x < plot.left + 14 ? 'start' : 'middle';
  }

  function curve(group: SVGElement, marks: SVGElement, { line, from, to }: Part, place: number): void {
    const places = line.x.slice(from, to + 1);
    const means = line.y.slice(from, to + 1);
    const { dash, mark } = line.look;
    // One beside another they would hide what they stand for.
    if (line.merged && lines.length <= 2)
      group.append(svg('path', { class: 'band', d: band(line, from, to) }));
    if (line.smooth !== null) group.append(svg('path', { class: 'faint', d: path(places, means) }));
    const drawn = line.smooth?.slice(from, to + 1) ?? means;
    group.append(
      svg('path', {
        class: 'line',
        d: path(places, drawn),
        ...(dash === '' ? {} : { 'stroke-dasharray': dash }),
      }),
    );
    const put = (i: number, values: (number | null)[], size: number) => {
      const [position, value] = [places[i]!, values[i]];
      if (value != null && position >= shown[0] && position <= shown[1])
        marks.append(markAt(mark, px(position), py(value), size));
    };
    const filled = means.filter((mean) => mean !== null).length;
    if (filled === 1 || (line.kind === 'points' && filled <= DOTS)) {
      for (const i of places.keys()) put(i, means, 3);
    } else if (mark !== null) {
      for (const i of spread(places, place)) put(i, drawn, 3.5);
    }
    if (line.kind === 'points' && lines.length <= 2) bestOf(marks, { line, from, to });
  }

  /** Indices of values at even distances, those of each line somewhere else. */
  function spread(places: number[], place: number): number[] {
    const gap = (plot.right - plot.left) / MARKS;
    const found = new Set<number>();
    let at = 0;
    for (let x = plot.left + gap * ((0.2 + place * 0.37) % 1); x < plot.right; x += gap) {
      while (at < places.length - 1 && px(places[at]!) < x) at += 1;
      if (places.length > 0 && Math.abs(px(places[at]!) - x) < gap / 2) found.add(at);
    }
    return [...found];
  }

  /** The lowest value in view, with its number. */
  function bestOf(group: SVGElement, { line, from, to }: Part): void {
    let best = -1;
    for (let i = from; i <= to; i += 1) {
      const inView = line.x[i]! >= shown[0] && line.x[i]! <= shown[1];
      const value = line.y[i];
      if (inView && value != null && (best < 0 || value < line.y[best]!)) best = i;
    }
    if (best < 0) return;
    const [x, y] = [px(line.x[best]!), py(line.y[best]!)];
    const anchor = x > plot.right - 70 ? 'end' : x < plot.left + 70 ? 'start' : 'middle';
    group.append(
      svg('circle', { class: 'best', cx: x, cy: y, r: 5 }),
      svg(
        'text',
        { class: 'hint', x, y: y > plot.top + 26 ? y - 12 : y + 19, 'text-anchor': anchor },
        `lowest ${say(line.y[best]!, spec.format)}`,
      ),
    );
  }

  /** Gaps stay gaps; on an axis of powers of ten, so does what is not above zero. */
  function path(places: number[], means: (number | null)[]): string {
    let pen = 'M';
    return places
      .map((position, i) => {
        const mean = means[i];
        if (mean == null || (log && mean <= 0)) {
          pen = 'M';
          return '';
        }
        const piece = `${pen}${px(position).toFixed(1)} ${py(mean).toFixed(1)}`;
        pen = 'L';
        return piece;
      })
      .join('');
  }

  /** From the lowest to the highest value of each bucket. */
  function band(line: Line, from: number, to: number): string {
    let [there, back] = ['', ''];
    for (let i = from; i <= to; i += 1) {
      const [low, high] = [line.low[i], line.high[i]];
      if (low == null || high == null) continue;
      const x = px(line.x[i]!).toFixed(1);
      there += `${there === '' ? 'M' : 'L'}${x} ${py(high).toFixed(1)}`;
      back = `L${x} ${py(low).toFixed(1)}${back}`;
    }
    return there === '' ? '' : `${there}${back}Z`;
  }

  /** Marks for what the picture cannot hold: values above it, and values that were not finite. */
  function outside(group: SVGElement, { line, from, to }: Part): void {
    for (let i = from; i <= to; i += 1) {
      const x = px(line.x[i]!);
      const most = line.y[i];
      if (most != null && share(most) > 1.0001 && !line.merged)
        group.append(svg('path', { class: 'above', d: `M${x - 4} ${plot.top}h8l-4 -6z` }));
      if (line.bad[i]! > 0)
        group.append(svg('path', { class: 'bad', d: `M${x - 3} ${plot.bottom - 8}l6 6m0 -6l-6 6` }));
    }
  }
}

/** Lines to compare with widen the picture only when they are near what is shown. */
function withLines(values: number[], spec: ChartSpec, log: boolean): number[] {
  const range = valueRange(values, { zero: spec.zero, log });
  if (range === null) return values;
  const near = (range[1] - range[0]) * 0.5;
  return [
    ...values,
    ...spec.lines.map(({ y }) => y).filter((y) => y > range[0] - near && y < range[1] + near),
  ];
}

function partOf(line: Line, [low, high]: Range): Part {
  const first = line.x.findIndex((x) => x >= low);
  const last = line.x.findLastIndex((x) => x <= high);
  return {
    line,
    from: Math.max(0, (first === -1 ? line.x.length : first) - 1),
    to: Math.min(line.x.length - 1, last + 1),
  };
}
