import { type Html, html } from './html.ts';
import type { RunReport } from './run-report.ts';
import { finite } from './sections/parts.ts';
import type { ChartSpec, CurveName, Curves } from './types.ts';

/** Which charts a run has. Those without a single value are left out, and `unmeasured` says so. */
export function chartsOf({ collected, forecast }: RunReport): ChartSpec[] {
  const entropy = finite(collected.start?.unigram_entropy);
  const has = (curve: CurveName) => collected.series[curve].length > 0;
  const one = (
    curve: CurveName,
    title: string,
    unit: string,
    format: ChartSpec['format'],
    options: Partial<ChartSpec> = {},
  ): ChartSpec => ({
    id: curve,
    title,
    unit,
    format,
    series: [{ curve, name: title.toLowerCase(), kind: 'line' }],
    lines: [],
    log: false,
    zero: true,
    ...options,
  });
  const noisy = (curve: CurveName, name: string): ChartSpec['series'] => [{ curve, name, kind: 'noisy' }];
  const goal = forecast?.evaluation.lossToBeat ?? null;
  const specs = [
    {
      ...one('train', 'Loss', 'nats a token', 'loss', { zero: false }),
      id: 'loss',
      series: [
        { curve: 'train', name: 'training', kind: 'noisy' },
        { curve: 'eval', name: 'held-out', kind: 'points' },
      ] satisfies ChartSpec['series'],
      lines: [
        ...(entropy === null ? [] : [{ y: entropy, name: 'unigram entropy' }]),
        ...(goal === null ? [] : [{ y: goal, name: 'loss to beat (forecast)' }]),
      ],
    },
    one('speed', 'Speed', 'tokens a second', 'count', { series: noisy('speed', 'speed') }),
    one('mfu', 'MFU', 'share of the peak', 'share'),
    one('memory', 'Memory', 'bytes in use', 'bytes'),
    one('gradNorm', 'Gradient norm', 'before clipping', 'number', {
      series: noisy('gradNorm', 'gradient norm'),
      zero: false,
      log: true,
    }),
    one('lr', 'Learning rate', 'of the schedule', 'number'),
  ];
  return specs.filter(({ series }) => series.some(({ curve }) => has(curve)));
}

export function curvesOf({ collected }: RunReport): Curves {
  return Object.fromEntries(
    Object.entries(collected.series).map(([name, series]) => [name, series.points()]),
  ) as Curves;
}

/** Places for the charts; the script draws into them. */
export function chartPlaces(report: RunReport, charts: ChartSpec[]): Html {
  const zoom = [
    ['out', 'Zoom out', '−'],
    ['in', 'Zoom in', '+'],
    ['left', 'Earlier steps', '←'],
    ['right', 'Later steps', '→'],
  ];
  return html`<section id="curves" aria-labelledby="curves-title">
<div class="bar"><h2 id="curves-title">Curves</h2>
<div class="zoom" role="group" aria-label="Steps shown" hidden><output id="range"></output>${zoom.map(
    ([action, name, sign]) =>
      html`<button type="button" data-zoom="${action}" aria-label="${name}" title="${name}">${sign}</button>`,
  )}<button type="button" data-zoom="all">All</button></div></div>
<noscript><p class="empty">The curves are drawn by a script in this file, which is switched off here.</p></noscript>
<div id="charts" class="charts">${charts.map(chartPlace)}</div>
<p class="fine" id="how-to">Drag to zoom, double-click to see all. With the keyboard: Tab to a chart, arrows move the cursor, Shift and arrows the view, + and − zoom, 0 shows all.${
    report.collected.series.mfu.length === 0
      ? ' MFU is known on GPUs whose peak is known; this run has none.'
      : ''
  }${anyMerged(report) ? ' This run is long: a point stands for several steps, with their lowest and highest value around it.' : ''}</p>
</section>`;
}

export function chartPlace({ id, title, unit }: ChartSpec): Html {
  return html`<figure id="chart-${id}" class="chart${id === 'loss' ? ' wide' : ''}" data-chart="${id}"><figcaption><h3>${title}</h3> <span>${unit}</span></figcaption></figure>`;
}

const anyMerged = ({ collected }: RunReport): boolean =>
  Object.values(collected.series).some((series) => series.points().from !== undefined);
