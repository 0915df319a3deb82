import { formatChance, formatDuration, formatLoss, formatWhole } from '../../text/format.ts';
import { type Html, html } from '../html.ts';

/** Small things that several sections use. Values come from files and may be of any type. */

export const finite = (value: unknown): number | null =>
  typeof value === 'number' && Number.isFinite(value) ? value : null;

export const textOf = (value: unknown): string | null =>
  typeof value === 'string' && value !== '' ? value : null;

/** `2.3457`, or a dash. */
export const loss = (value: unknown): string => (finite(value) === null ? '–' : formatLoss(value as number));

export const percent = (value: number | null): string => (value === null ? '–' : formatChance(value));

export const whole = (value: unknown): string =>
  finite(value) === null ? '–' : formatWhole(value as number);

/** `23 Nov 2026, 11:52 UTC`, or nothing. */
export function moment(value: unknown): string {
  const date = new Date(typeof value === 'number' || typeof value === 'string' ? value : Number.NaN);
  if (Number.isNaN(date.getTime())) return '';
  return `${new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' }).format(date)} UTC`;
}

export const duration = (seconds: unknown): string => {
  const value = finite(seconds);
  return value === null ? '–' : formatDuration(value);
};

/** A titled part of the page. `id` is what links and the live page find it by. */
export function section(id: string, title: string, body: Html | null): Html {
  return html`<section id="${id}" aria-labelledby="${id}-title"${body === null ? html` hidden` : ''}>
<h2 id="${id}-title">${title}</h2>
${body}
</section>`;
}

/** A list of names and values; what has no value is left out. */
export function facts(rows: [string, Html | string | number | null][]): Html {
  const shown = rows.filter(([, value]) => value !== null && value !== '');
  return html`<dl class="facts">${shown.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

export interface Head {
  title: string;
  /** Right-aligned, with digits of one width. */
  numeric?: boolean;
  /** Clicking sorts by it. */
  sortable?: boolean;
}

/** A cell, with the value it sorts by when that is not its text. */
export interface Cell {
  show: Html | string | number | null;
  sort?: number | string | null;
}

/** A table that scrolls by itself when the screen is narrow, so that the page never does. */
export function table(label: string, heads: Head[], rows: (Cell | Cell['show'])[][]): Html {
  const cell = (value: Cell | Cell['show'], head: Head, first: boolean): Html => {
    const { show, sort } =
      value !== null && typeof value === 'object' && 'show' in value
        ? value
        : { show: value, sort: undefined };
    const numeric = head.numeric ? html` class="n"` : '';
    const key = sort === undefined ? '' : html` data-sort="${sort ?? ''}"`;
    return first
      ? html`<th scope="row"${numeric}${key}>${show}</th>`
      : html`<td${numeric}${key}>${show}</td>`;
  };
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${label}"><table>
<thead><tr>${heads.map(
    (head) =>
      html`<th scope="col"${head.numeric ? html` class="n"` : ''}>${
        head.sortable ? html`<button type="button" class="sort">${head.title}</button>` : head.title
      }</th>`,
  )}</tr></thead>
<tbody>${rows.map((row) => html`<tr>${heads.map((head, i) => cell(row[i] ?? null, head, i === 0))}</tr>\n`)}</tbody>
</table></div>`;
}
