import { linearTicks } from '../client/scale.ts';
import { type Html, html } from '../html.ts';
import { whole } from './parts.ts';

export interface Dot {
  /** Blocks since the commitment, from 0 on. */
  x: number;
  /** Share of the incentive, 0 to 1. */
  y: number;
  /** Bytes; the dot's area. Null: unknown. */
  size: number | null;
  name: string;
  /** Shown when the mouse rests on it. */
  about: string;
  mine: boolean;
}

const HEIGHT = 320;
const TOP = 34;
const BOTTOM = 44;
/** Names of so many of the highest stand beside their dots. */
const NAMED = 5;

/**
 * Incentive over age as a picture that needs no script: positions across are shares of the width, so that it fits any screen. Ages spread over
 * powers of ten and stand on a logarithmic axis.
 */
export function scatter(dots: Dot[]): Html {
  const oldest = Math.max(...dots.map(({ x }) => x), 10);
  const highest = Math.max(...dots.map(({ y }) => y), 0.01);
  const largest = Math.max(...dots.map(({ size }) => size ?? 0), 1);
  const across = (x: number) => `${(9 + 86 * (Math.log1p(x) / Math.log1p(oldest))).toFixed(2)}%`;
  const down = (y: number) => (HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * (y / highest)).toFixed(1);
  // Those who earn nothing are many: small, so that they leave the others room.
  const radius = ({ size, y }: Dot) => (y > 0 ? 5 + 7 * Math.sqrt((size ?? 0) / largest) : 3.5).toFixed(1);
  const ages = [0, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000].filter((age) => age <= oldest);
  const order = dots.toSorted((a, b) => b.y - a.y);
  const named = new Set(order.slice(0, NAMED).filter(({ y }) => y > 0));
  const best = order[0]!;
  return html`<div class="card"><svg class="scatter" role="img" aria-label="${dots.length} models by age of their commitment and incentive; the most has ${best.name}, ${best.about}" width="100%" height="${HEIGHT}">
${linearTicks([0, highest * 100], 4).map(
  (tick) =>
    html`<line class="grid" x1="0" x2="100%" y1="${down(tick / 100)}" y2="${down(tick / 100)}"/><text class="tick" x="2" y="${Number(down(tick / 100)) - 5}">${tick}%</text>`,
)}
${ages.map((age) => html`<text class="tick" x="${across(age)}" y="${HEIGHT - 14}" text-anchor="middle">${whole(age)}</text>`)}
${order
  .toReversed()
  .map(
    (dot) =>
      html`<circle class="spot${dot.mine ? ' mine' : dot.y > 0 ? '' : ' unpaid'}" cx="${across(dot.x)}" cy="${down(dot.y)}" r="${radius(dot)}"><title>${dot.name}, ${dot.about}</title></circle>`,
  )}
${[...named].map(
  (dot) =>
    html`<text class="hint" x="${across(dot.x)}" y="${Math.max(12, Number(down(dot.y)) - 15)}" text-anchor="middle">${dot.name}</text>`,
)}
</svg></div>
<p class="key">Across: blocks since the commitment. Up: share of the incentive. A larger dot is a larger repository, a small grey one earns nothing; rest on one to read about it.${dots.some(({ mine }) => mine) ? ' Yours is orange.' : ''}</p>`;
}
