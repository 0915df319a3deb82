import { capital, formatBytes, formatCount, formatOf } from '../../text/format.ts';
import { STATE_WORDS } from '../../text/state-words.ts';
import { differencesOf } from '../differences.ts';
import { type Html, html } from '../html.ts';
import { asObject, type RunReport } from '../run-report.ts';
import { duration, loss, percent, section, table, textOf, whole } from './parts.ts';

/** The head of a page of several runs, and what each has come to. */
export function header(reports: RunReport[]): Html {
  const running = reports.filter(({ status }) => status === 'running').length;
  return html`<header id="header">
<p class="over">pt · training runs</p>
<h1>${reports.length} runs compared</h1>
<p class="when">${running === 0 ? 'None is being trained.' : `${running} being trained.`}</p>
</header>`;
}

/** A row for each run: the numbers people compare first. */
export function overview(reports: RunReport[]): Html {
  const forecast = reports.some(({ forecast }) => forecast?.evaluation.pWin != null);
  return section(
    'overview',
    'Runs',
    table(
      'What each run has come to',
      [
        { title: 'Run' },
        { title: 'State' },
        { title: 'Best held-out loss', numeric: true, sortable: true },
        { title: 'Steps', numeric: true, sortable: true },
        { title: 'Tokens', numeric: true, sortable: true },
        { title: 'Time', numeric: true, sortable: true },
        { title: 'Tokens a second', numeric: true, sortable: true },
        { title: 'Memory', numeric: true, sortable: true },
        ...(forecast ? [{ title: 'Chance to win', numeric: true, sortable: true }] : []),
      ],
      reports.map((report, i) => row(report, i)),
    ),
  );
}

function row({ name, status, state, config, collected, best, forecast }: RunReport, index: number) {
  const { series, lastStep, totalSteps, lastTokens, seconds } = collected;
  const recipe = textOf(asObject(config.recipe).name);
  const { code, message } = asObject(state.error);
  const chance = forecast?.evaluation.pWin ?? null;
  const number = (value: number | null, show: (value: number) => string) => ({
    show: value === null ? '–' : show(value),
    sort: value,
  });
  return [
    html`<i class="key colour-${index % 8}"></i>${name}${recipe === null ? '' : html`<br><small>${recipe}</small>`}`,
    html`<span class="state ${status}">${capital(STATE_WORDS[status])}</span>${
      status === 'failed' && textOf(message)
        ? html`<br><small>${message as string} ${textOf(code) ?? ''}</small>`
        : ''
    }`,
    {
      show: best === null ? '–' : html`${loss(best.loss)}<br><small>step ${whole(best.step)}</small>`,
      sort: best?.loss ?? null,
    },
    { show: formatOf(lastStep, totalSteps), sort: lastStep },
    number(lastTokens, formatCount),
    number(seconds > 0 ? seconds : null, duration),
    number(series.speed.last, (value) => formatCount(Math.round(value))),
    number(series.memory.max, formatBytes),
    number(chance, percent),
  ];
}

/** What the runs do not share of their settings. */
export function differences(reports: RunReport[]): Html {
  const rows = differencesOf(reports);
  return section(
    'differences',
    'What differs',
    rows.length === 0
      ? html`<p class="empty">Nothing: recipe, data and settings are the same.</p>`
      : table(
          'Settings that differ',
          [{ title: 'Setting' }, ...reports.map(({ name }) => ({ title: name }))],
          rows.map(({ key, values }) => [html`<code>${key}</code>`, ...values]),
        ),
  );
}
