import type { LiveChange, RunPageData } from '../types.ts';
import { type Chart, createChart, type Shared } from './chart.ts';
import { element } from './dom.ts';
import { follow, replaceSection } from './live.ts';
import { applyChange, type Range, sayStep } from './scale.ts';
import { makeSortable } from './sort.ts';
import { createView } from './view.ts';

const data = JSON.parse(document.getElementById('data')!.textContent) as RunPageData | { kind: 'subnet' };
makeSortable();
if (data.kind === 'run') startCharts(data);

function startCharts(data: RunPageData): void {
  let charts: Chart[] = [];
  const place = document.getElementById('charts')!;
  const zoom = document.querySelector<HTMLElement>('.zoom')!;
  const range = document.getElementById('range')!;
  const view = createView(fullRange(), (what) => {
    for (const chart of charts) chart[what === 'range' ? 'draw' : 'cursor']();
    if (what === 'range') tellRange();
  });
  const shared: Shared = { curves: data.curves, resumed: data.resumed, view };

  /** From the first to the last step that any curve has. */
  function fullRange(): Range {
    const ends = Object.values(data.curves).flatMap(({ x, from }) =>
      x.length > 0 ? [from?.[0] ?? x[0]!, x.at(-1)!] : [],
    );
    const [first, last] = ends.length === 0 ? [0, 1] : [Math.min(...ends), Math.max(...ends)];
    return last > first ? [first, last] : [first - 1, first + 1];
  }

  function tellRange(): void {
    const [from, to] = view.shown;
    range.textContent = `steps ${sayStep(Math.max(0, from))}–${sayStep(to)}`;
    zoom.hidden = charts.length === 0;
  }

  function makeCharts(): void {
    for (const spec of data.charts) {
      let figure = document.getElementById(`chart-${spec.id}`);
      if (!figure) {
        // A curve that got its first value while the page was open.
        const caption = element(
          'figcaption',
          {},
          element('h3', {}, spec.title),
          ' ',
          element('span', {}, spec.unit),
        );
        figure = element(
          'figure',
          { id: `chart-${spec.id}`, class: spec.id === 'loss' ? 'chart wide' : 'chart' },
          caption,
        );
        place.append(figure);
      }
      figure.querySelectorAll('.legend, .plot').forEach((part) => {
        part.remove();
      });
      charts.push(createChart(figure, spec, shared));
    }
    for (const chart of charts) chart.draw();
    tellRange();
  }

  makeCharts();
  let width = place.clientWidth;
  new ResizeObserver(() => {
    if (place.clientWidth === width) return;
    width = place.clientWidth;
    for (const chart of charts) chart.draw();
  }).observe(place);
  // Paper is narrower than the window.
  for (const when of ['beforeprint', 'afterprint'])
    addEventListener(when, () => {
      for (const chart of charts) chart.draw();
    });

  const actions: Record<string, () => void> = {
    in: () => view.zoom(0.5),
    out: () => view.zoom(2),
    left: () => view.pan(-0.25),
    right: () => view.pan(0.25),
    all: () => view.all(),
  };
  zoom.addEventListener('click', (event) => {
    const action = (event.target as Element).closest('button')?.dataset.zoom;
    if (action) actions[action]?.();
  });

  function take(change: LiveChange): void {
    for (const [name, part] of Object.entries(change.curves)) {
      const curve = name as keyof typeof data.curves;
      data.curves[curve] = applyChange(data.curves[curve], part);
    }
    shared.resumed = change.resumed;
    document.title = change.title;
    for (const [id, html] of Object.entries(change.sections)) replaceSection(id, html);
    if (change.announce !== null) document.getElementById('announce')!.textContent = change.announce;
    const same = JSON.stringify(change.charts) === JSON.stringify(data.charts);
    data.charts = change.charts;
    if (!same) {
      charts = [];
      makeCharts();
    }
    view.grow(fullRange());
  }
  if (data.live) follow(document.getElementById('link')!, take);
}
