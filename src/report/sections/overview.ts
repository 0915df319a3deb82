import type { EventOf } from '../../bridge/index.ts';
import { capital, formatBytes, formatCount, formatOf, formatShare } from '../../text/format.ts';
import { shellWord } from '../../text/shell-word.ts';
import { STATE_WORDS } from '../../text/state-words.ts';
import { type Html, html } from '../html.ts';
import { asObject, type RunReport } from '../run-report.ts';
import { duration, finite, loss, moment, percent, section, table, textOf, whole } from './parts.ts';

/** Name, state and one line of what this run is; while it trains, how far it is. */
export function header(report: RunReport): Html {
  const { collected, config, state, status } = report;
  const start: Partial<EventOf<'start'>> = collected.start ?? {};
  const recipe = textOf(asObject(config.recipe).name);
  const parameters = finite(start.parameters);
  const what = [
    recipe === null ? null : `recipe ${recipe}`,
    textOf(start.architecture),
    parameters === null ? null : `${formatCount(parameters)} parameters`,
    [textOf(start.device_name) ?? textOf(start.device), textOf(start.dtype)]
      .filter((part) => part !== null)
      .join(', '),
  ].filter((part) => part !== null && part !== '');
  const began = moment(state.started_at);
  return html`<header id="header">
<p class="over">pt · training run</p>
<div class="title"><h1>${report.id}</h1><span class="state ${status}">${capital(STATE_WORDS[status])}</span></div>
<p class="what">${what.join(' · ')}</p>
<p class="when">${began === '' ? '' : `Started ${began}`}${
    collected.seconds > 0 ? ` · ${duration(collected.seconds)} at work` : ''
  }${status === 'running' && collected.phase ? ` · now ${collected.phase}` : ''}</p>
${status === 'running' ? progress(report) : ''}
${failure(report)}
</header>`;
}

function progress({ collected }: RunReport): Html | '' {
  const { lastStep, totalSteps, etaSeconds } = collected;
  if (totalSteps === null || totalSteps === 0) return '';
  const left = etaSeconds === null ? '' : `, ${duration(etaSeconds)} left`;
  return html`<div class="progress"><progress max="${totalSteps}" value="${Math.min(lastStep, totalSteps)}" aria-label="Progress of the training"></progress>
<span>${formatOf(lastStep, totalSteps)} steps${left}</span></div>`;
}

function failure({ id, state, status }: RunReport): Html | '' {
  if (status !== 'failed') return '';
  const { code, message } = asObject(state.error);
  const why =
    textOf(message) ?? 'The run was ended from outside (killed, or the machine stopped) and says no cause.';
  return html`<p class="failure"><strong>${why}</strong>${textOf(code) ? html` <code>${code as string}</code>` : ''}<br>
Go on from its last checkpoint: <code>pt train --resume ${shellWord(id)}</code></p>`;
}

/** The numbers people look for first. */
export function tiles(report: RunReport): Html {
  const { collected, best, forecast, duel } = report;
  const { series, start } = collected;
  const entropy = finite(start?.unigram_entropy);
  const speed = series.speed.last;
  const memory = series.memory.max;
  const mfu = series.mfu.last;
  const shown = [
    {
      name: 'Best held-out loss',
      value: best === null ? '–' : loss(best.loss),
      more:
        best === null
          ? collected.evalCount === 0
            ? 'not evaluated yet'
            : 'none kept yet'
          : `nats a token, at step ${whole(best.step)}${entropy === null ? '' : `; unigrams ${loss(entropy)}`}`,
      main: true,
    },
    {
      name: 'Steps',
      value: whole(collected.lastStep),
      more:
        collected.badSteps > 0
          ? `${whole(collected.badSteps)} with a loss that was not finite`
          : collected.totalSteps === null
            ? ''
            : `of ${whole(collected.totalSteps)}`,
    },
    {
      name: 'Tokens',
      value: collected.lastTokens === null ? '–' : formatCount(collected.lastTokens),
      more: collected.seconds > 0 ? `in ${duration(collected.seconds)}` : '',
    },
    {
      name: 'Tokens a second',
      value: speed === null ? '–' : formatCount(Math.round(speed)),
      more: mfu === null ? 'over the last steps' : `MFU ${formatShare(mfu)}`,
    },
    {
      name: 'Memory',
      value: memory === null ? '–' : formatBytes(memory),
      more: 'most in use',
    },
    ...(duel !== null
      ? [
          {
            name: 'Chance to win',
            value: percent(duel.p),
            more: `against ${duel.king}, step ${whole(duel.step)}`,
          },
        ]
      : []),
    ...(duel !== null || forecast?.evaluation.pWin == null
      ? []
      : [
          {
            name: 'Chance to win',
            value: percent(forecast.evaluation.pWin),
            more: `at block ${whole(forecast.evaluation.block)}`,
          },
        ]),
  ];
  return html`<div id="tiles" class="tiles">${shown.map(
    ({ name, value, more, ...rest }) =>
      html`<div class="tile${'main' in rest ? ' main' : ''}"><p>${name}</p><strong>${value}</strong><small>${more}</small></div>`,
  )}</div>`;
}

/** Rows of the table of evaluations; the curve holds all of them. */
const ROWS = 100;

/** Held-out evaluations as numbers, for those who cannot or would not read a curve. */
export function evaluations({ collected, best }: RunReport): Html {
  const { evals, evalCount } = collected;
  const shown = evals.slice(-ROWS).reverse();
  return html`<details id="evaluations"${evalCount === 0 ? html` hidden` : ''}>
<summary>Held-out evaluations as a table (${
    shown.length < evalCount ? `the newest ${shown.length} of ${whole(evalCount)}` : whole(evalCount)
  })</summary>
${table(
  'Held-out evaluations',
  [
    { title: 'Step', numeric: true },
    { title: 'Tokens', numeric: true },
    { title: 'Held-out loss', numeric: true },
    { title: 'Note' },
  ],
  shown.map((row) => [
    whole(row.step),
    whole(row.tokens),
    row.loss === null ? 'not finite' : loss(row.loss),
    row.step === best?.step ? 'best' : '',
  ]),
)}</details>`;
}

const KINDS = { start: 'start', warning: 'warning', error: 'error', done: 'end' } as const;

/** What happened: starts, warnings, errors, the end. */
export function log({ collected }: RunReport): Html {
  const rows = collected.log.toReversed();
  return section(
    'log',
    'What happened',
    rows.length === 0
      ? null
      : html`<ol class="log">${rows.map(
          (row) =>
            html`<li class="${row.kind}"><span class="mark">${KINDS[row.kind]}</span><span>${row.message}</span>${
              row.time === null
                ? ''
                : html`<time datetime="${new Date(row.time).toISOString()}">${moment(row.time)}</time>`
            }</li>`,
        )}</ol>`,
  );
}
