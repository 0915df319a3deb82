import type { SampleRow } from '../collect.ts';
import { type Html, html } from '../html.ts';
import type { RunReport } from '../run-report.ts';
import { section, whole } from './parts.ts';

/** What the models wrote at their evaluations: the newest of each run in the open, those before it folded away. */
export function samples(reports: RunReport[]): Html {
  const written = reports.filter(({ collected }) => collected.samples.length > 0);
  return section(
    'samples',
    'What the model writes',
    written.length === 0
      ? null
      : html`<p class="fine">After the beginning of held-out texts (grey), the likeliest words each time.</p>
${written.map(({ name, collected }) => {
  const [newest, ...before] = collected.samples.toReversed();
  return html`${reports.length > 1 ? html`<h3>${name}</h3>` : ''}${sample(newest!)}
${before.length === 0 ? '' : html`<details><summary>Earlier evaluations${reports.length > 1 ? ` of ${name}` : ''} (${whole(before.length)})</summary>${before.map(sample)}</details>`}`;
})}`,
  );
}

const sample = ({ step, texts }: SampleRow): Html =>
  html`<div class="sample"><p class="over">Step ${whole(step)}</p>${texts.map(
    ({ prompt, text }) =>
      html`<blockquote><span class="prompt">${short(prompt)}</span>${short(text)}</blockquote>`,
  )}</div>`;

/** A young model writes nothing but ends of lines: many of them are counted. */
const short = (text: string): string => text.replace(/\n{4,}/g, (lines) => `\n↵ × ${lines.length}\n`);
