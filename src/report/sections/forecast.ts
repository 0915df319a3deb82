import { type Html, html } from '../html.ts';
import type { RunReport } from '../run-report.ts';
import { loss, moment, percent, section, table, whole } from './parts.ts';

type Evaluation = NonNullable<RunReport['forecast']>['evaluation'];

/** Would it win? The chance, the losses as a picture, and who beats whom. */
export function forecast({ forecast: kept }: RunReport): Html {
  if (kept === null) {
    return section(
      'forecast',
      'Win forecast',
      html`<p class="empty">Not made yet: <code>pt evaluate RUN/best --against best</code> scores the best model as validators do and puts the forecast here.</p>`,
    );
  }
  const { evaluation, network, netuid, madeAt } = kept;
  return section(
    'forecast',
    'Win forecast',
    html`<p class="sentence ${evaluation.advice ?? ''}">${evaluation.sentence}</p>
${chances(evaluation)}
${losses(evaluation)}
${evaluation.models.length > 2 ? matrix(evaluation) : ''}
<p class="fine">${whole(evaluation.sample.batches)} sequences of ${whole(evaluation.sample.sequenceLength)} tokens (${evaluation.sample.data.join(', ')}), profile ${evaluation.profile}, ${evaluation.competition}, block ${whole(evaluation.block)} of ${network}, subnet ${netuid}; made ${moment(madeAt)}.</p>`,
  );
}

function chances({ pWin, pWinLater, decayedAtBlock }: Evaluation): Html | '' {
  if (pWin === null) return '';
  const later = pWinLater !== null && pWinLater !== pWin && decayedAtBlock !== null;
  return html`<div class="chances">${meter('Chance to win now', pWin)}${
    later ? meter(`Chance from block ${whole(decayedAtBlock)} on`, pWinLater) : ''
  }</div>`;
}

function meter(name: string, share: number): Html {
  return html`<div class="chance"><p>${name}</p><strong>${percent(share)}</strong>
<svg class="meter" role="img" aria-label="${name}: ${percent(share)}" width="100%" height="10"><rect class="track" width="100%" height="10" rx="5"/><rect class="fill" width="${(share * 100).toFixed(1)}%" height="10" rx="5"/></svg></div>`;
}

/** Each model's loss with its 95% interval on one scale, and the losses to beat as upright lines. */
function losses({ models, winner, lossToBeat, lossToBeatLater }: Evaluation): Html {
  const goals = [
    { name: 'to beat now', value: lossToBeat, kind: 'now' },
    ...(lossToBeatLater === lossToBeat
      ? []
      : [{ name: 'to beat later', value: lossToBeatLater, kind: 'later' }]),
  ].filter((goal): goal is { name: string; value: number; kind: string } => goal.value !== null);
  const values = [
    ...models.flatMap(({ loss: mean, low, high }) => [mean, low, high]),
    ...goals.map(({ value }) => value),
  ].filter((value) => value !== null && Number.isFinite(value)) as number[];
  if (values.length === 0)
    return table(
      'Losses',
      [{ title: 'Model' }, { title: 'Why no loss' }],
      models.map((m) => [m.name, m.error ?? 'not finite']),
    );
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const room = (most - least) * 0.06 || Math.abs(most) * 0.01 || 1;
  const at = (value: number) => `${(((value - least + room) / (most - least + 2 * room)) * 100).toFixed(2)}%`;
  const uprights = goals.map(
    ({ value, kind }) =>
      html`<line class="goal ${kind}" x1="${at(value)}" x2="${at(value)}" y1="0" y2="30"/>`,
  );
  const rows = models.map(({ name, loss: mean, low, high, winRate, reasonable, error }) => {
    const said =
      mean === null
        ? (error ?? 'no finite loss')
        : `loss ${loss(mean)}${low === null ? '' : `, 95% from ${loss(low)} to ${loss(high)}`}`;
    const picture =
      mean === null
        ? ''
        : html`${low === null || high === null ? '' : html`<line class="interval" x1="${at(low)}" x2="${at(high)}" y1="15" y2="15"/>`}<circle class="mean" cx="${at(mean)}" cy="15" r="5.5"/>`;
    return html`<div class="row${name === winner ? ' winner' : ''}"><span class="name" title="${name}">${shortName(name)}${
      name === winner ? html` <em>wins</em>` : ''
    }${reasonable === false ? html`<br><small>repeats itself: counts as an infinite loss</small>` : ''}</span>
<svg role="img" aria-label="${name}: ${said}" width="100%" height="30"><line class="track" x1="0" x2="100%" y1="15" y2="15"/>${uprights}${picture}</svg>
<span class="value">${mean === null ? html`<small>${said}</small>` : loss(mean)}<small>${winRate === null ? '' : `win rate ${percent(winRate)}`}</small></span></div>`;
  });
  return html`<h3>Loss of each model</h3>
<div class="losses">${rows}</div>
<p class="key">Lower is better. Dots: mean loss in nats a token; bars: 95% interval.${goals.map(
    ({ name, value, kind }) => html` <span class="goal-key ${kind}">${name}: ${loss(value)}</span>`,
  )}</p>`;
}

/** A model folder by its run and its own name; what is no path stays as it is. */
const shortName = (name: string): string =>
  /^([/~]|[A-Z]:\\)/.test(name) ? name.split(/[/\\]/).slice(-2).join('/') : name;

function matrix({ models, matrix: shares }: Evaluation): Html {
  return html`<details><summary>Share of sequences that each model wins against each other</summary>
${table(
  'Share of sequences won',
  [{ title: 'Wins against' }, ...models.map((_, i) => ({ title: String(i + 1), numeric: true }))],
  models.map((model, i) => [
    `${i + 1} ${shortName(model.name)}`,
    ...models.map((_, j) => percent(shares[i]?.[j] ?? null)),
  ]),
)}</details>`;
}
