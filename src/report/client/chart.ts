import type { ChartSpec } from '../types.ts';
import { measureOf, sayPosition, toPosition } from './axis.ts';
import { element, svg } from './dom.ts';
import { drawChart, type Picture } from './draw.ts';
import { pressed } from './keys.ts';
import { type Line, linesOf, type Shared } from './lines.ts';
import { swatch } from './marks.ts';
import { placesOf, readingsAt, spoken, summaryOf } from './readings.ts';
import { saveAs } from './save.ts';
import { nearest } from './scale.ts';
import { tipOf } from './tip.ts';
import { valuesTable } from './values.ts';

export interface Chart {
  /** Draws anew: other curves, another part or axis, another size. */
  draw(): void;
  /** Moves only the cursor. */
  cursor(): void;
}

/** Charts that take a whole row, as charts.css lays them out. */
const WHOLE_ROW = '.wide, :last-child:nth-child(odd of .chart:not(.wide))';
/** Pixels of a picture on paper, where print.css scales it to its column: what the window shows says nothing of that. */
const PAPER = { row: [700, 230], half: [340, 170] } as const;

/** A drag shorter than this is a click. */
const CLICK = 6;

/** Makes a chart of the figure that the page has for it: picture, legend, mouse, touch and keys. `switched`: a legend entry was. */
export function createChart(
  figure: HTMLElement,
  spec: ChartSpec,
  shared: Shared,
  switched: () => void,
): Chart {
  const { view } = shared;
  let log = spec.log;
  /** All curves, and those that are switched on. */
  let [all, lines]: [Line[], Line[]] = [[], []];
  let places: number[] = [];
  let picture: Picture;
  let drag: { from: number; box: SVGElement } | null = null;

  const logarithmic = button('log y', '', () => {
    log = !log;
    chart.draw();
  });
  const tools = element(
    'div',
    { class: 'tools', role: 'group', 'aria-label': `${spec.title}: scale, and save as a file` },
    logarithmic,
  );
  for (const kind of ['png', 'svg', 'csv'] as const)
    tools.append(
      button(
        kind.toUpperCase(),
        `Save as ${kind.toUpperCase()}`,
        () => void saveAs(kind, { spec, figure, picture: picture.root, lines, runs: shared.runs }),
      ),
    );
  const legend = element('div', { class: 'legend' });
  // To a screen reader a chart is a slider over its axis: arrows move it, and its value is read out.
  const plot = element('div', {
    class: 'plot',
    tabindex: 0,
    role: 'slider',
    'aria-roledescription': 'chart',
    'aria-describedby': 'how-to',
  });
  const tip = element('div', { class: 'tip', 'aria-hidden': 'true', hidden: '' });
  const table = element('details', { class: 'values' }, element('summary', {}, 'Values as a table'));
  figure.append(legend, plot, tools, table);
  const entries = linesOf(spec, shared).map((line) => {
    const value = element('b');
    const entry = button('', '', () => {
      if (!shared.hidden.delete(line.look.key)) shared.hidden.add(line.look.key);
      switched();
    });
    entry.className = `entry ${line.look.colour}`;
    entry.append(swatch(line.look), element('span', {}, line.name), ' ', value);
    legend.append(entry);
    return { entry, value };
  });

  const chart: Chart = {
    draw() {
      all = linesOf(spec, shared);
      lines = all.filter(({ look }) => !shared.hidden.has(look.key));
      places = placesOf(lines);
      logarithmic.setAttribute('aria-pressed', String(log));
      entries.forEach(({ entry }, i) => {
        entry.setAttribute('aria-pressed', String(lines.includes(all[i]!)));
      });
      const [width, height] = shared.paper
        ? PAPER[figure.matches(WHOLE_ROW) ? 'row' : 'half']
        : [plot.clientWidth, plot.clientHeight];
      picture = drawChart(spec, lines, {
        axis: shared.axis,
        shown: view.shown,
        log,
        width,
        height,
        resumed: resumed(),
      });
      plot.replaceChildren(picture.root, tip);
      plot.setAttribute('aria-label', summaryOf(spec, lines, shared));
      plot.setAttribute('aria-valuemin', String(view.full[0]));
      plot.setAttribute('aria-valuemax', String(view.full[1]));
      fill();
      chart.cursor();
    },
    cursor() {
      picture.root.querySelector('.cursor')?.remove();
      const { cursor, shown } = view;
      const said = readingsAt(spec, all, shared, cursor);
      said.forEach(({ text }, i) => {
        entries[i]!.value.textContent = text;
      });
      const readings = said.filter(({ line }) => lines.includes(line));
      const at = cursor ?? view.full[1];
      plot.setAttribute('aria-valuenow', String(at));
      plot.setAttribute('aria-valuetext', `${sayPosition(shared.axis, at)}: ${spoken(readings)}`);
      const visible = cursor !== null && cursor >= shown[0] && cursor <= shown[1];
      tip.hidden = !(visible && plot.matches(':hover, :focus-visible'));
      if (!visible) return;
      const x = picture.px(cursor);
      const group = svg('g', { class: 'cursor' });
      group.append(svg('line', { x1: x, x2: x, y1: picture.plot.top, y2: picture.plot.bottom }));
      for (const { line, at: index } of readings) {
        const value = line.y[index];
        const [cx, inside] = [
          picture.px(line.x[index] ?? 0),
          line.x[index]! >= shown[0] && line.x[index]! <= shown[1],
        ];
        if (value != null && inside)
          group.append(svg('circle', { class: line.look.colour, cx, cy: picture.py(value), r: 4 }));
      }
      picture.root.append(group);
      if (tip.hidden) return;
      tip.replaceChildren(...tipOf(spec, readings, shared));
      const room = plot.clientWidth - tip.offsetWidth;
      // Beside the cursor, on the side with room; never outside the chart.
      const left = x + 14 + tip.offsetWidth <= plot.clientWidth ? x + 14 : x - 14 - tip.offsetWidth;
      tip.style.left = `${Math.max(0, Math.min(left, room))}px`;
    },
  };

  /** Of a run alone: among others' curves it would say nothing of whose it is. */
  function resumed(): number[] {
    const [run, ...others] = shared.runs;
    const measure = others.length > 0 ? null : measureOf(shared.axis.name, run!);
    return measure === null ? [] : run!.resumed.map((step) => toPosition(shared.axis, measure(step)));
  }

  function fill(): void {
    if (!table.hasAttribute('open')) return;
    table.querySelector('.scroll')?.remove();
    table.append(valuesTable(spec, lines, shared));
  }
  table.addEventListener('toggle', fill);

  const within = (event: PointerEvent) =>
    Math.min(
      picture.plot.right,
      Math.max(picture.plot.left, event.clientX - plot.getBoundingClientRect().left),
    );
  const placeAt = (event: PointerEvent): number => {
    const wanted = picture.at(within(event));
    return places[nearest(places, wanted)] ?? wanted;
  };
  function endDrag(): void {
    drag?.box.remove();
    drag = null;
  }

  plot.addEventListener('pointerdown', (event) => {
    view.point(placeAt(event));
    if (event.pointerType === 'touch' || event.button !== 0) return;
    plot.setPointerCapture(event.pointerId);
    const { top, bottom } = picture.plot;
    const box = svg('rect', { class: 'selection', y: top, height: bottom - top });
    picture.root.append(box);
    drag = { from: within(event), box };
  });
  plot.addEventListener('pointermove', (event) => {
    if (drag) {
      const [left, right] = [drag.from, within(event)].sort((a, b) => a - b) as [number, number];
      drag.box.setAttribute('x', String(left));
      drag.box.setAttribute('width', String(right - left));
    }
    view.point(placeAt(event));
  });
  plot.addEventListener('pointerup', (event) => {
    if (!drag) return;
    const [from, to] = [drag.from, within(event)].sort((a, b) => a - b) as [number, number];
    endDrag();
    if (to - from >= CLICK) view.show([picture.at(from), picture.at(to)]);
  });
  plot.addEventListener('pointercancel', endDrag);
  plot.addEventListener('pointerleave', () => {
    if (!drag && !plot.matches(':focus-visible')) view.point(null);
    else chart.cursor();
  });
  plot.addEventListener('dblclick', () => view.all());
  plot.addEventListener('focus', () => {
    if (view.cursor === null) view.point(places.findLast((place) => place <= view.shown[1]) ?? null);
    else chart.cursor();
  });
  plot.addEventListener('blur', () => view.point(null));
  plot.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'Escape' && drag) endDrag();
    else if (!pressed(event, view, places)) return;
    event.preventDefault();
  });
  return chart;
}

function button(text: string, says: string, act: () => void): HTMLElement {
  const made = element(
    'button',
    { type: 'button', ...(says === '' ? {} : { 'aria-label': says, title: says }) },
    text,
  );
  made.addEventListener('click', act);
  return made;
}
