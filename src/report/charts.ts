import { type Html, html } from './html.ts';
import type { RunReport } from './run-report.ts';
import { finite } from './sections/parts.ts';
import type { ChartSpec, CurveName, PageRun, SeriesKind } from './types.ts';

const DEFAULTS = { lines: [], log: false, zero: true, wide: false };

/** A chart of one curve; `kind`: how it is drawn. */
const one = (
  curve: CurveName,
  [title, unit]: [string, string],
  format: ChartSpec['format'],
  kind: SeriesKind = 'line',
  options: Partial<ChartSpec> = {},
): ChartSpec => ({
  ...DEFAULTS,
  id: curve,
  title,
  unit,
  format,
  series: [{ curve, name: title.toLowerCase(), kind }],
  ...options,
});

/** Every chart but those of losses, in their order. A chart more is a row here, and a curve of `types.ts` that the collector fills. */
const MEASURED: ChartSpec[] = [
  one('speed', ['Speed', 'tokens a second'], 'count', 'noisy'),
  one('mfu', ['MFU', 'share of the peak'], 'share', 'noisy'),
  one('memory', ['Memory', 'bytes in use'], 'bytes'),
  one('gradNorm', ['Gradient norm', 'before clipping'], 'number', 'noisy', { zero: false, log: true }),
  one('lr', ['Learning rate', 'of the schedule'], 'number'),
  one('pWin', ['p(win)', 'on fresh sequences'], 'share', 'points'),
];

/** Which charts a page of these runs has. Those without a single value are left out. */
export function chartsOf(reports: RunReport[]): ChartSpec[] {
  const [first, ...others] = reports;
  const losses = others.length === 0 ? [lossChart(first!)] : LOSSES;
  const has = (curve: CurveName) => reports.some(({ collected }) => collected.series[curve].length > 0);
  return [...losses, ...MEASURED, gainChart(reports)].filter(({ series }) =>
    series.some(({ curve }) => has(curve)),
  );
}

/** Of several runs, each kind of loss has a chart: one of both would be too full to read. */
const LOSSES: ChartSpec[] = [
  one('eval', ['Held-out loss', 'nats a token'], 'loss', 'points', { zero: false, wide: true }),
  one('train', ['Training loss', 'nats a token'], 'loss', 'noisy', { zero: false, wide: true }),
];

/** What a win needs is drawn where it is the same for all. */
function gainChart(reports: RunReport[]): ChartSpec {
  const needed = new Set(
    reports.flatMap(({ king }) => (king?.trial.by === 'mean' ? [king.trial.threshold] : [])),
  );
  const lines = needed.size === 1 ? [{ y: [...needed][0]!, name: 'what a win needs' }] : [];
  return one('gain', ['Gain over the king', 'nats a token'], 'number', 'points', { lines });
}

function lossChart({ collected, forecast }: RunReport): ChartSpec {
  const entropy = finite(collected.start?.unigram_entropy);
  const goal = forecast?.evaluation.lossToBeat ?? null;
  return {
    ...one('train', ['Loss', 'nats a token'], 'loss'),
    id: 'loss',
    zero: false,
    wide: true,
    series: [
      { curve: 'train', name: 'training', kind: 'noisy' },
      { curve: 'eval', name: 'held-out', kind: 'points' },
    ],
    lines: [
      ...(entropy === null ? [] : [{ y: entropy, name: 'unigram entropy' }]),
      ...(goal === null ? [] : [{ y: goal, name: 'loss to beat (forecast)' }]),
    ],
  };
}

/** Runs as the charts have them, with every point. */
export function pageRuns(reports: RunReport[]): PageRun[] {
  return reports.map(({ name, collected }) => ({
    name,
    curves: Object.fromEntries(
      Object.entries(collected.series).map(([curve, series]) => [curve, series.points()]),
    ) as PageRun['curves'],
    resumed: collected.resumed,
    flopsPerToken: flopsOf(collected),
  }));
}

export const flopsOf = ({ start }: RunReport['collected']): number | null => finite(start?.flops_per_token);

const AXES = [
  ['steps', 'steps'],
  ['tokens', 'tokens'],
  ['time', 'time'],
  ['flops', 'FLOPs'],
];
const ZOOM = [
  ['out', 'Zoom out', '−'],
  ['in', 'Zoom in', '+'],
  ['left', 'Earlier', '←'],
  ['right', 'Later', '→'],
];

/** Places for the charts, and what holds for all of them; the script draws and listens. */
export function chartPlaces(reports: RunReport[], charts: ChartSpec[]): Html {
  return html`<section id="curves" aria-labelledby="curves-title">
<div class="bar"><h2 id="curves-title">Curves</h2>
<div id="controls" class="controls" role="group" aria-label="Axis and smoothing" hidden>
<label>x <select id="axis">${AXES.map(([value, title]) => html`<option value="${value}">${title}</option>`)}</select></label>
<label><input type="checkbox" id="log-x"> log</label>
<label>Smoothing <input type="range" id="smoothing" min="0" value="0"> <output id="smoothed"></output></label>
</div>
<div id="zoom" class="zoom" role="group" aria-label="Part shown" hidden><output id="range"></output>${ZOOM.map(
    ([action, name, sign]) =>
      html`<button type="button" data-zoom="${action}" aria-label="${name}" title="${name}">${sign}</button>`,
  )}<button type="button" data-zoom="all">All</button></div></div>
<noscript><p class="empty">The curves are drawn by a script in this file, which is switched off here.</p></noscript>
<div id="charts" class="charts">${charts.map(chartPlace)}</div>
<p class="fine" id="how-to">Drag to zoom, double-click to see all. With the keyboard: Tab to a chart, arrows move the cursor, Shift and arrows the view, + and − zoom, 0 shows all. A name in a legend shows or hides its curve. Smoothing is an exponential moving average; the values themselves stay behind it, faint.${
    reports.every(({ collected }) => collected.series.mfu.length === 0)
      ? ' MFU is known on GPUs whose peak is known; here there is none.'
      : ''
  }${reports.some(anyMerged) ? ' Where a run is long, a point stands for several steps, with their lowest and highest value.' : ''}</p>
</section>`;
}

export function chartPlace({ id, title, unit, wide }: ChartSpec): Html {
  return html`<figure id="chart-${id}" class="chart${wide ? ' wide' : ''}" data-chart="${id}"><figcaption><h3>${title}</h3> <span>${unit}</span></figcaption></figure>`;
}

const anyMerged = ({ collected }: RunReport): boolean => collected.series.train.merged;
