import type { ChartSpec, Curves } from '../types.ts';
import { element, svg } from './dom.ts';
import { drawChart, type Picture } from './draw.ts';
import { nearest, say, sayStep } from './scale.ts';
import type { View } from './view.ts';

export interface Chart {
  /** Draws anew: other steps, other values, another size. */
  draw(): void;
  /** Moves only the cursor. */
  cursor(): void;
}

/** What the charts of a page share. */
export interface Shared {
  curves: Curves;
  resumed: number[];
  view: View;
}

/** A drag shorter than this is a click. */
const CLICK = 6;

/** Makes a chart of the figure that the page has for it: picture, legend, mouse, touch and keys. */
export function createChart(figure: HTMLElement, spec: ChartSpec, shared: Shared): Chart {
  const { view } = shared;
  const legend = element('div', { class: 'legend' });
  const values = spec.series.map(({ name, curve }) => {
    const value = element('b');
    legend.append(element('span', { class: `entry ${curve}` }, element('i'), name, ' ', value));
    return value;
  });
  // To a screen reader a chart is a slider over the steps: arrows move it, and its value is read out.
  const plot = element('div', {
    class: 'plot',
    tabindex: 0,
    role: 'slider',
    'aria-roledescription': 'chart',
    'aria-describedby': 'how-to',
  });
  const tip = element('div', { class: 'tip', 'aria-hidden': 'true', hidden: '' });
  figure.append(legend, plot);
  let picture: Picture;
  let drag: { from: number; box: SVGElement } | null = null;

  const chart: Chart = {
    draw() {
      picture = drawChart(
        spec,
        shared.curves,
        view.shown,
        { width: plot.clientWidth, height: plot.clientHeight },
        shared.resumed,
      );
      plot.replaceChildren(picture.root, tip);
      plot.setAttribute('aria-label', summary());
      plot.setAttribute('aria-valuemin', String(view.full[0]));
      plot.setAttribute('aria-valuemax', String(view.full[1]));
      chart.cursor();
    },
    cursor() {
      picture.root.querySelector('.cursor')?.remove();
      const { cursor, shown } = view;
      const readings = readingsAt(cursor ?? Number.POSITIVE_INFINITY);
      readings.forEach(({ text }, i) => {
        values[i]!.textContent = text;
      });
      const at = cursor ?? view.full[1];
      plot.setAttribute('aria-valuenow', String(at));
      plot.setAttribute(
        'aria-valuetext',
        `step ${sayStep(at)}: ${readings.map(({ name, text }) => `${name} ${text}`).join(', ')}`,
      );
      const visible = cursor !== null && cursor >= shown[0] && cursor <= shown[1];
      tip.hidden = !(visible && plot.matches(':hover, :focus-visible'));
      if (!visible) return;
      const x = picture.px(cursor);
      const group = svg('g', { class: 'cursor' });
      group.append(svg('line', { x1: x, x2: x, y1: picture.plot.top, y2: picture.plot.bottom }));
      for (const { curve, value, step } of readings)
        if (value !== null && step !== null)
          group.append(svg('circle', { class: curve, cx: picture.px(step), cy: picture.py(value), r: 4 }));
      picture.root.append(group);
      if (!tip.hidden) showTip(x, readings);
    },
  };

  function readingsAt(x: number) {
    return spec.series.map(({ curve, name }) => {
      const points = shared.curves[curve];
      const i = x === Number.POSITIVE_INFINITY ? points.x.length - 1 : nearest(points.x, x);
      if (i < 0) return { curve, name, value: null, step: null, text: '–' };
      const value = points.y[i]!;
      const [from, to] = [points.from?.[i] ?? points.x[i]!, points.x[i]!];
      const [low, high] = [points.lo?.[i], points.hi?.[i]];
      const spread =
        from !== to && low != null && high != null
          ? ` (${say(low, spec.format)} to ${say(high, spec.format)})`
          : '';
      return { curve, name, value, step: to, from, spread, text: say(value, spec.format) };
    });
  }

  function showTip(x: number, readings: ReturnType<typeof readingsAt>): void {
    const rows = readings.flatMap(({ curve, name, text, step, from, spread }) =>
      step === null
        ? []
        : [
            element(
              'span',
              { class: `entry ${curve}` },
              element('i'),
              `${name} `,
              element('b', {}, text),
              spread ?? '',
              step === view.cursor
                ? ''
                : ` at ${from === step ? '' : `${sayStep(from ?? step)}–`}${sayStep(step)}`,
            ),
          ],
    );
    tip.replaceChildren(element('strong', {}, `step ${sayStep(view.cursor!)}`), ...rows);
    const room = plot.clientWidth - tip.offsetWidth;
    // Beside the cursor, on the side with room; never outside the chart.
    const left = x + 14 + tip.offsetWidth <= plot.clientWidth ? x + 14 : x - 14 - tip.offsetWidth;
    tip.style.left = `${Math.max(0, Math.min(left, room))}px`;
  }

  /** What the chart shows, in a sentence. */
  function summary(): string {
    const parts = spec.series.map(({ curve, name }) => {
      const { x, y } = shared.curves[curve];
      const known = y.map((value, i) => ({ value, step: x[i]! })).filter(({ value }) => value !== null);
      const [first, last] = [known[0], known.at(-1)];
      if (!first || !last) return `${name}: nothing yet`;
      return `${name} from ${say(first.value, spec.format)} at step ${sayStep(first.step)} to ${say(last.value, spec.format)} at step ${sayStep(last.step)}`;
    });
    return `${spec.title}, ${spec.unit}: ${parts.join('; ')}`;
  }

  /** The steps with a value in this chart, of the curve with most of them. */
  function steps(): number[] {
    return spec.series
      .map(({ curve }) => shared.curves[curve].x)
      .reduce((a, b) => (b.length > a.length ? b : a));
  }

  const stepAt = (event: PointerEvent): number => {
    const wanted = picture.step(event.clientX - plot.getBoundingClientRect().left);
    const all = steps();
    return all[nearest(all, wanted)] ?? Math.round(wanted);
  };
  const inPlot = (event: PointerEvent) =>
    Math.min(
      picture.plot.right,
      Math.max(picture.plot.left, event.clientX - plot.getBoundingClientRect().left),
    );

  plot.addEventListener('pointerdown', (event) => {
    view.point(stepAt(event));
    if (event.pointerType === 'touch' || event.button !== 0) return;
    plot.setPointerCapture(event.pointerId);
    const box = svg('rect', {
      class: 'selection',
      y: picture.plot.top,
      height: picture.plot.bottom - picture.plot.top,
    });
    picture.root.append(box);
    drag = { from: inPlot(event), box };
  });
  plot.addEventListener('pointermove', (event) => {
    if (drag) {
      const [left, right] = [drag.from, inPlot(event)].sort((a, b) => a - b) as [number, number];
      drag.box.setAttribute('x', String(left));
      drag.box.setAttribute('width', String(right - left));
    }
    view.point(stepAt(event));
  });
  plot.addEventListener('pointerup', (event) => {
    if (!drag) return;
    const [from, to] = [drag.from, inPlot(event)].sort((a, b) => a - b) as [number, number];
    endDrag();
    if (to - from >= CLICK) view.show([picture.step(from), picture.step(to)]);
  });
  plot.addEventListener('pointercancel', endDrag);
  plot.addEventListener('pointerleave', () => {
    if (!drag && !plot.matches(':focus-visible')) view.point(null);
    else chart.cursor();
  });
  plot.addEventListener('dblclick', () => view.all());
  plot.addEventListener('focus', () => {
    if (view.cursor === null) view.point(steps().findLast((step) => step <= view.shown[1]) ?? null);
    else chart.cursor();
  });
  plot.addEventListener('blur', () => view.point(null));
  plot.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (key(event)) event.preventDefault();
  });

  function endDrag(): void {
    drag?.box.remove();
    drag = null;
  }

  /** Whether the key means something to a chart. */
  function key({ key: name, shiftKey }: KeyboardEvent): boolean {
    const all = steps();
    const at = nearest(all, view.cursor ?? view.shown[1]);
    const inView = all.filter((step) => step >= view.shown[0] && step <= view.shown[1]).length;
    const page = Math.max(1, Math.round(inView / 10));
    const go = (index: number) => view.point(all[Math.min(Math.max(index, 0), all.length - 1)] ?? null);
    switch (name) {
      case 'ArrowLeft':
      case 'ArrowDown':
        if (shiftKey) view.pan(-0.25);
        else go(at - 1);
        return true;
      case 'ArrowRight':
      case 'ArrowUp':
        if (shiftKey) view.pan(0.25);
        else go(at + 1);
        return true;
      case 'PageDown':
        go(at - page);
        return true;
      case 'PageUp':
        go(at + page);
        return true;
      case 'Home':
        go(0);
        return true;
      case 'End':
        go(all.length - 1);
        return true;
      case '+':
      case '=':
        view.zoom(0.5);
        return true;
      case '-':
      case '_':
        view.zoom(2);
        return true;
      case '0':
        view.all();
        return true;
      case 'Escape':
        if (drag) endDrag();
        else view.all();
        return true;
      default:
        return false;
    }
  }
  return chart;
}
