import type { ChartSpec, Curves, Points } from '../types.ts';
import { svg } from './dom.ts';
import { linearTicks, logTicks, movingAverage, type Range, say, sayStep, valueRange } from './scale.ts';

/** Draws a chart's picture; what the mouse and keys do to it is in chart.ts. */

const MARGIN = { left: 54, right: 14, top: 12, bottom: 26 };
/** Up to so many values in view are shown as dots. */
const DOTS = 60;
/** From so many values on, a noisy curve gets its average. */
const NOISY = 60;

export interface Picture {
  root: SVGElement;
  /** Pixels of a step, and the step of pixels. */
  px(step: number): number;
  step(px: number): number;
  /** Pixels of a value, kept inside the plot. */
  py(value: number): number;
  plot: { left: number; right: number; top: number; bottom: number };
}

interface Part {
  points: Points;
  /** First and last index in view, with one neighbour on each side so that lines reach the edges. */
  from: number;
  to: number;
}

export function drawChart(
  spec: ChartSpec,
  curves: Curves,
  shown: Range,
  size: { width: number; height: number },
  resumed: number[],
): Picture {
  const plot = {
    left: MARGIN.left,
    right: Math.max(MARGIN.left + 10, size.width - MARGIN.right),
    top: MARGIN.top,
    bottom: size.height - MARGIN.bottom,
  };
  const parts = spec.series.map(({ curve }) => partOf(curves[curve], shown));
  const values = parts
    .flatMap(({ points, from, to }) => points.y.slice(from, to + 1))
    .filter((y) => y !== null);
  const log = spec.log && values.every((value) => value > 0);
  const range = valueRange(withLines(values, spec, log), { zero: spec.zero, log }) ?? [0, 1];
  const span = shown[1] - shown[0] || 1;
  const px = (step: number) => plot.left + ((step - shown[0]) / span) * (plot.right - plot.left);
  const share = log
    ? (value: number) => Math.log(Math.max(value, range[0]) / range[0]) / Math.log(range[1] / range[0])
    : (value: number) => (value - range[0]) / (range[1] - range[0]);
  const py = (value: number) =>
    plot.bottom - Math.min(1, Math.max(0, share(value))) * (plot.bottom - plot.top);

  const root = svg('svg', {
    width: size.width,
    height: size.height,
    viewBox: `0 0 ${size.width} ${size.height}`,
    'aria-hidden': 'true',
    focusable: 'false',
  });
  axes();
  for (const step of resumed) {
    if (step <= shown[0] || step >= shown[1]) continue;
    root.append(svg('line', { class: 'resumed', x1: px(step), x2: px(step), y1: plot.top, y2: plot.bottom }));
    if (spec.id === 'loss')
      root.append(svg('text', { class: 'hint', x: px(step) + 4, y: plot.top + 9 }, 'resumed'));
  }
  for (const { y, name } of spec.lines) {
    if (share(y) < 0 || share(y) > 1) continue;
    root.append(
      svg('line', { class: 'compare', x1: plot.left, x2: plot.right, y1: py(y), y2: py(y) }),
      svg('text', { class: 'hint', x: plot.left + 6, y: py(y) - 5 }, name),
    );
  }
  spec.series.forEach((series, i) => {
    const part = parts[i]!;
    const group = svg('g', { class: `curve ${series.curve}` });
    curve(group, series.kind, part);
    outside(group, part);
    root.append(group);
  });
  return { root, px, py, plot, step: (x) => shown[0] + ((x - plot.left) / (plot.right - plot.left)) * span };

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
    for (const tick of linearTicks(shown, columns).filter(Number.isInteger)) {
      root.append(
        svg('line', { class: 'grid up', x1: px(tick), x2: px(tick), y1: plot.bottom, y2: plot.bottom + 4 }),
        svg(
          'text',
          { class: 'tick', x: px(tick), y: plot.bottom + 17, 'text-anchor': edge(px(tick)) },
          sayStep(tick),
        ),
      );
    }
    root.append(
      svg('line', { class: 'axis', x1: plot.left, x2: plot.right, y1: plot.bottom, y2: plot.bottom }),
    );
  }

  function edge(x: number): string {
    return x > plot.right - 14 ? 'end' : x < plot.left + 14 ? 'start' : 'middle';
  }

  function curve(group: SVGElement, kind: ChartSpec['series'][number]['kind'], part: Part): void {
    const { points, from, to } = part;
    const steps = points.x.slice(from, to + 1);
    const means = points.y.slice(from, to + 1);
    if (points.lo && points.hi) group.append(svg('path', { class: 'band', d: band(part) }));
    const smooth = kind === 'noisy' && steps.length > NOISY;
    if (smooth) group.append(svg('path', { class: 'faint', d: path(steps, means) }));
    const line = smooth ? movingAverage(means, steps.length / 30) : means;
    group.append(svg('path', { class: 'line', d: path(steps, line) }));
    const filled = steps.filter((_, i) => means[i] !== null).length;
    if (filled === 1 || (kind === 'points' && filled <= DOTS)) {
      steps.forEach((step, i) => {
        const mean = means[i];
        if (mean != null) group.append(svg('circle', { class: 'dot', cx: px(step), cy: py(mean), r: 3 }));
      });
    }
    if (kind === 'points') bestOf(group, part);
  }

  /** The lowest value in view, with its number. */
  function bestOf(group: SVGElement, { points, from, to }: Part): void {
    let best = -1;
    for (let i = from; i <= to; i += 1) {
      const inView = points.x[i]! >= shown[0] && points.x[i]! <= shown[1];
      const value = points.y[i];
      if (inView && value != null && (best < 0 || value < points.y[best]!)) best = i;
    }
    if (best < 0) return;
    const [x, y] = [px(points.x[best]!), py(points.y[best]!)];
    const anchor = x > plot.right - 70 ? 'end' : x < plot.left + 70 ? 'start' : 'middle';
    group.append(
      svg('circle', { class: 'best', cx: x, cy: y, r: 5 }),
      svg(
        'text',
        { class: 'hint', x, y: y > plot.top + 26 ? y - 12 : y + 19, 'text-anchor': anchor },
        `lowest ${say(points.y[best]!, spec.format)}`,
      ),
    );
  }

  function path(steps: number[], means: (number | null)[]): string {
    let pen = 'M';
    return steps
      .map((step, i) => {
        const mean = means[i];
        if (mean == null) {
          pen = 'M';
          return '';
        }
        const piece = `${pen}${px(step).toFixed(1)} ${py(mean).toFixed(1)}`;
        pen = 'L';
        return piece;
      })
      .join('');
  }

  /** From the lowest to the highest value of each bucket. */
  function band({ points, from, to }: Part): string {
    let [there, back] = ['', ''];
    for (let i = from; i <= to; i += 1) {
      const [low, high] = [points.lo![i], points.hi![i]];
      if (low == null || high == null) continue;
      const x = px(points.x[i]!).toFixed(1);
      there += `${there === '' ? 'M' : 'L'}${x} ${py(high).toFixed(1)}`;
      back = `L${x} ${py(low).toFixed(1)}${back}`;
    }
    return there === '' ? '' : `${there}${back}Z`;
  }

  /** Marks for what the picture cannot hold: values above it, and values that were not finite. */
  function outside(group: SVGElement, { points, from, to }: Part): void {
    for (let i = from; i <= to; i += 1) {
      const x = px(points.x[i]!);
      const most = points.hi?.[i] ?? points.y[i];
      if (most != null && share(most) > 1.0001 && !points.hi)
        group.append(svg('path', { class: 'above', d: `M${x - 4} ${plot.top}h8l-4 -6z` }));
      if ((points.bad?.[i] ?? 0) > 0)
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

function partOf(points: Points, [low, high]: Range): Part {
  const first = points.x.findIndex((x) => x >= low);
  const last = points.x.findLastIndex((x) => x <= high);
  return {
    points,
    from: Math.max(0, (first === -1 ? points.x.length : first) - 1),
    to: Math.min(points.x.length - 1, last + 1),
  };
}
