import { type Html, html } from '../html.ts';
import type { KeptMerge } from '../merge-file.ts';
import type { RunReport } from '../run-report.ts';
import { loss, moment, section, table, whole } from './parts.ts';

/** What was made of the run's models: each candidate of each `pt merge`, newest first. */
export function merges({ merges: kept }: RunReport): Html {
  return section('merges', 'Mixtures', kept.length === 0 ? null : html`${kept.map(candidates)}`);
}

/** The models and mixtures of one `pt merge`, as they were scored on one sample. */
export function candidates({ out, best, candidates: tried, sample, madeAt }: KeptMerge): Html {
  const kept =
    out === null ? 'It is one of the models; nothing was written.' : html`Kept as <code>${out}</code>.`;
  return html`<p class="sentence">Best: ${best}. ${kept}</p>
${table(
  'Candidates',
  [
    { title: 'Model', sortable: true },
    { title: 'Loss', numeric: true, sortable: true },
    { title: '95 %', numeric: true },
    { title: 'Note' },
  ],
  tried.map((one) => [
    one.name,
    { show: one.loss === null && sample !== null ? 'not finite' : loss(one.loss), sort: one.loss },
    one.low === null ? '–' : `${loss(one.low)}–${loss(one.high)}`,
    one.name === best ? 'best' : '',
  ]),
)}
<p class="fine">${
    sample === null
      ? 'Not scored'
      : `${whole(sample.batches)} sequences of ${whole(sample.sequenceLength)} tokens (${sample.data.join(', ')})`
  }; made ${moment(madeAt)}.</p>`;
}
