import type { KeptStanding } from '../../load/index.ts';
import { type Html, html } from '../html.ts';
import { moment, section, table, whole } from './parts.ts';

const [WIDTH, HEIGHT, EDGE] = [640, 90, 4];
/** Rows of the table; the line has all of them. */
const ROWS = 50;

/** Where the own hotkey stood at each look: incentive as a line over blocks, and every change in a table, newest first. */
export function standings(kept: readonly KeptStanding[]): Html {
  if (kept.length < 2) return section('standings', 'Where you stood', null);
  const [first, last] = [kept[0]!, kept.at(-1)!];
  const most = Math.max(...kept.map(({ incentive }) => incentive)) || 1;
  const x = (block: number) =>
    EDGE + ((block - first.block) / Math.max(1, last.block - first.block)) * (WIDTH - 2 * EDGE);
  const y = (incentive: number) => HEIGHT - EDGE - (incentive / most) * (HEIGHT - 2 * EDGE);
  // It stayed what it was until the next look saw another.
  const line = kept
    .map(({ block, incentive }, i) =>
      i === 0
        ? `M${x(block).toFixed(1)} ${y(incentive).toFixed(1)}`
        : `H${x(block).toFixed(1)}V${y(incentive).toFixed(1)}`,
    )
    .join('');
  const said = `Incentive from block ${whole(first.block)} to ${whole(last.block)}: from ${first.incentive.toFixed(4)} to ${last.incentive.toFixed(4)}, at most ${most.toFixed(4)}`;
  return section(
    'standings',
    'Where you stood',
    html`<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" width="100%" role="img" aria-label="${said}"><path d="${line}" fill="none" stroke="currentColor" stroke-width="2"/></svg>
<p>${said}.</p>
${table(
  'Every change, newest first',
  [
    { title: 'Block', numeric: true },
    { title: 'Time' },
    { title: 'Place', numeric: true },
    { title: 'Incentive', numeric: true },
  ],
  kept
    .slice(-ROWS)
    .toReversed()
    .map(({ block, at, place, incentive }) => [whole(block), moment(at), place ?? '–', incentive.toFixed(4)]),
)}`,
  );
}
