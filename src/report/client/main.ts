import type { LiveChange, RunPageData } from '../types.ts';
import { type Chart, createChart } from './chart.ts';
import { type Controls, startControls } from './controls.ts';
import { element } from './dom.ts';
import { fullRange, longest, type Shared } from './lines.ts';
import { follow, replaceSection } from './live.ts';
import { applyChange } from './scale.ts';
import { makeSortable } from './sort.ts';
import { createView } from './view.ts';

/** No nearer than so many steps of the longest run. */
const NEAREST = 4;

const data = JSON.parse(document.getElementById('data')!.textContent) as
  | RunPageData
  | { kind: 'subnet' | 'merge' };
makeSortable();
if (data.kind === 'run') startCharts(data);

function startCharts(data: RunPageData): void {
  const { runs } = data;
  let charts: Chart[] = [];
  let controls: Controls | null = null;
  const place = document.getElementById('charts')!;
  const axis = { name: 'steps', log: false } as const;
  const first = fullRange({ runs, axis });
  const shared: Shared = {
    runs,
    axis,
    span: 1,
    hidden: new Set(),
    paper: false,
    view: createView(first, least(first[1] - first[0]), (what) => {
      for (const chart of charts) chart[what === 'range' ? 'draw' : 'cursor']();
      if (what === 'range') controls?.tell();
    }),
  };
  function least(span: number): number {
    return (span * NEAREST) / Math.max(NEAREST, longest(runs));
  }
  const draw = () => {
    for (const chart of charts) chart.draw();
  };

  function makeCharts(): void {
    charts = data.charts.map((spec) => {
      let figure = document.getElementById(`chart-${spec.id}`);
      if (!figure) {
        // A curve that got its first value while the page was open.
        const title = [element('h3', {}, spec.title), ' ', element('span', {}, spec.unit)];
        figure = element(
          'figure',
          { id: `chart-${spec.id}`, class: spec.wide ? 'chart wide' : 'chart' },
          element('figcaption', {}, ...title),
        );
        place.append(figure);
      }
      figure.querySelectorAll('.tools, .legend, .plot, .values').forEach((part) => {
        part.remove();
      });
      return createChart(figure, spec, shared, draw);
    });
    draw();
    controls?.tell();
  }

  controls = startControls(shared, (what) => {
    if (what === 'span') return draw();
    const full = fullRange(shared);
    shared.view.restart(full, least(full[1] - full[0]));
  });
  makeCharts();
  let width = place.clientWidth;
  new ResizeObserver(() => {
    if (place.clientWidth === width) return;
    width = place.clientWidth;
    draw();
  }).observe(place);
  for (const when of ['beforeprint', 'afterprint'])
    addEventListener(when, () => {
      shared.paper = when === 'beforeprint';
      draw();
    });

  function take(change: LiveChange): void {
    change.runs.forEach(({ curves, resumed, flopsPerToken }, i) => {
      const run = runs[i]!;
      for (const [name, part] of Object.entries(curves)) {
        const curve = name as keyof typeof curves;
        run.curves[curve] = applyChange(run.curves[curve], part);
      }
      Object.assign(run, { resumed, flopsPerToken });
    });
    document.title = change.title;
    for (const [id, html] of Object.entries(change.sections)) replaceSection(id, html);
    if (change.announce !== null) document.getElementById('announce')!.textContent = change.announce;
    const same = JSON.stringify(change.charts) === JSON.stringify(data.charts);
    data.charts = change.charts;
    if (!same) makeCharts();
    const full = fullRange(shared);
    shared.view.grow(full, least(full[1] - full[0]));
  }
  if (data.live) follow(document.getElementById('link')!, take);
}
