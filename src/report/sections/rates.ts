import { type Html, html } from '../html.ts';
import type { RunReport } from '../run-report.ts';
import { loss, section, table, whole } from './parts.ts';

/** The short trainings of `--lr auto`, and the rate that they chose. */
export function rates({ rates: found }: RunReport): Html {
  if (found === null) return section('rates', 'Learning rates tried', null);
  return section(
    'rates',
    'Learning rates tried',
    html`${table(
      'Learning rates tried',
      [
        { title: 'Peak learning rate', numeric: true },
        { title: 'Held-out loss', numeric: true },
        { title: 'Note' },
      ],
      found.tried.map(({ lr, eval_loss }) => [
        rate(lr),
        eval_loss === null ? 'not finite' : loss(eval_loss),
        lr === found.lr ? 'taken' : '',
      ]),
    )}
<p class="fine">Each ${whole(found.steps)} steps from the same start${
      found.start_loss === null ? '' : `, whose loss is ${loss(found.start_loss)}`
    }.</p>`,
  );
}

/** `0.02`: a rate that was multiplied has digits that nobody typed. */
export const rate = (value: number): number => Number(value.toPrecision(3));
