import { createHash } from 'node:crypto';
import { formatLoss, formatWhole } from '../text/format.ts';
import type { Assets } from './assets.ts';
import { chartPlaces, chartsOf, pageRuns } from './charts.ts';
import { Html, html, jsonForHtml } from './html.ts';
import type { RunReport } from './run-report.ts';
import * as compare from './sections/compare.ts';
import { duel } from './sections/duel.ts';
import { forecast } from './sections/forecast.ts';
import { merges } from './sections/merges.ts';
import { evaluations, header, log, tiles } from './sections/overview.ts';
import { moment } from './sections/parts.ts';
import { rates } from './sections/rates.ts';
import { check, model, publishing, settings } from './sections/records.ts';
import { samples } from './sections/samples.ts';
import type { RunPageData } from './types.ts';

/** A drawn curve: the mark of these pages, in the tab. */
const ICON =
  'data:image/svg+xml,%3Csvg xmlns=%22http://www.w3.org/2000/svg%22 viewBox=%220 0 32 32%22%3E%3Crect width=%2232%22 height=%2232%22 rx=%227%22 fill=%22%234453d6%22/%3E%3Cpath d=%22M6 8c4 13 9 15 20 16%22 fill=%22none%22 stroke=%22%23fff%22 stroke-width=%223.5%22 stroke-linecap=%22round%22/%3E%3C/svg%3E';

export interface Page {
  title: string;
  body: Html;
  data: unknown;
  /** The page asks the server it came from for news. */
  live?: boolean;
}

/**
 * One HTML file that needs nothing else: style, script and data are in it, and its policy forbids every request. The policy allows the one
 * script by its hash, so that no text in the data could ever run.
 */
export function pageOf({ title, body, data, live = false }: Page, { script, style }: Assets): string {
  const hash = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  const policy = [
    "default-src 'none'",
    `script-src ${hash(script)}`,
    `style-src ${hash(style)}`,
    'img-src data:',
    ...(live ? ["connect-src 'self'"] : []),
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${new Html(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<link rel="icon" href="${new Html(ICON)}">
<style>${new Html(style)}</style>
</head>
<body>
${body}
<script type="application/json" id="data">${jsonForHtml(data)}</script>
<script>${new Html(script)}</script>
</body>
</html>
`.text;
}

/** Sections of a page by the id of their element, in their order; the live page replaces those that changed. */
export function sectionsOf(reports: RunReport[]): Record<string, Html> {
  const [report, ...others] = reports;
  if (others.length > 0)
    return {
      header: compare.header(reports),
      overview: compare.overview(reports),
      differences: compare.differences(reports),
      samples: samples(reports),
    };
  return {
    header: header(report!),
    tiles: tiles(report!),
    evaluations: evaluations(report!),
    rates: rates(report!),
    samples: samples(reports),
    duel: duel(report!),
    forecast: forecast(report!),
    merges: merges(report!),
    check: check(report!),
    publishing: publishing(report!),
    model: model(report!),
    settings: settings(report!),
    log: log(report!),
  };
}

/** Sections that stand before the curves. */
const BEFORE = ['header', 'tiles', 'overview'];

/** The page of one run or of several, as a file or (`live`) as the dashboard serves it. */
export function runPage(reports: RunReport[], assets: Assets, { live = false } = {}): string {
  const charts = chartsOf(reports);
  const data: RunPageData = { kind: 'run', live, runs: pageRuns(reports), charts };
  const { header, ...sections } = sectionsOf(reports);
  const part = (before: boolean) =>
    Object.entries(sections).flatMap(([id, section]) => (BEFORE.includes(id) === before ? [section] : []));
  const body = html`<main>
${header}
${live ? html`<p id="link" class="link" role="status">Live: this page follows the training.</p>` : ''}
${part(true)}
${chartPlaces(reports, charts)}
${part(false)}
</main>
<div id="announce" class="hidden" role="status" aria-live="polite"></div>
<footer><p>Made by <code>pt</code>, ${moment(reports[0]!.madeAt.getTime())}. One file, no connection: it can be sent and kept as it is.</p></footer>`;
  return pageOf({ title: titleOf(reports), body, data, live }, assets);
}

/** What the browser's tab says. */
export function titleOf(reports: RunReport[]): string {
  const [{ id, status, collected, best }, ...others] = reports as [RunReport, ...RunReport[]];
  if (others.length > 0) return `${reports.length} runs: ${reports.map(({ name }) => name).join(', ')}`;
  return `${status === 'running' ? `step ${formatWhole(collected.lastStep)} · ` : ''}${best === null ? '' : `${formatLoss(best.loss)} · `}${id}`;
}
