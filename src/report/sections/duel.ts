import { describeStanding } from '../../training/index.ts';
import { type Html, html } from '../html.ts';
import { asObject, type RunReport } from '../run-report.ts';
import { facts, loss, moment, section, textOf, whole } from './parts.ts';

/** The duel with the king that was fought at each evaluation. */
export function duel({ king, duel: standing, state }: RunReport): Html {
  if (king === null) return section('duel', 'Duel with the king', null);
  const early = textOf(asObject(state).stopped_early);
  const said =
    standing === null
      ? html`<p class="empty">No evaluation has told a chance yet.</p>`
      : html`<p class="sentence">At step ${whole(standing.step)}: ${describeStanding(standing)}.</p>`;
  return section(
    'duel',
    'Duel with the king',
    html`${said}
${early === null ? '' : html`<p class="sentence train">Stopped early: ${early}</p>`}
${facts([
  ['King', king.king],
  ['Its loss', `${loss(king.loss)} nats a token`],
  ['Gain over what it asks', standing?.mean == null ? null : `${standing.mean.toFixed(5)} nats a token`],
  [
    'Sample',
    `${whole(king.sequences)} sequences of ${whole(king.sequenceLength)} tokens (${king.data.join(', ')})`,
  ],
  [
    'Rule',
    king.trial.by === 'mean'
      ? `the mean gain must be above ${king.trial.threshold} with ${king.trial.sds.toFixed(2)} standard errors to spare, on ${whole(king.trial.n)} fresh sequences`
      : `more of ${whole(king.trial.n)} fresh sequences must be won than lost`,
  ],
])}
<p class="fine">Profile ${king.profile}, rules of block ${whole(king.block)}; the king was scored once, ${moment(king.madeAt)}.</p>`,
  );
}
