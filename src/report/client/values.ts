import type { ChartSpec } from '../types.ts';
import { AXES, sayPosition } from './axis.ts';
import { element } from './dom.ts';
import type { Line, Shared } from './lines.ts';
import { placesOf, readingsAt } from './readings.ts';
import { nearest } from './scale.ts';

/** Rows of a table of values; the CSV has all of them. */
const ROWS = 40;

/** What a chart shows as a table, for those who cannot or would not read a curve: values at even distances over what is in view. */
export function valuesTable(spec: ChartSpec, lines: Line[], shared: Shared): HTMLElement {
  const { view, axis } = shared;
  const inView = (place: number) => place >= view.shown[0] && place <= view.shown[1];
  // Where one curve has few values, the rows are at these.
  const sparse = lines.filter(({ kind, x }) => kind === 'points' && x.length > 1);
  const places = placesOf(sparse.length > 0 ? sparse : lines).filter(inView);
  const count = Math.min(ROWS, places.length);
  const shown = Array.from(
    { length: count },
    (_, i) => places[count === 1 ? 0 : Math.round((i * (places.length - 1)) / (count - 1))]!,
  );
  const head = element(
    'tr',
    {},
    element('th', { scope: 'col' }, AXES[axis.name].title),
    ...lines.map(({ name }) => element('th', { scope: 'col', class: 'n' }, name)),
  );
  const rows = shown.map((place, i) =>
    element(
      'tr',
      {},
      element('th', { scope: 'row' }, sayPosition(axis, place)),
      ...readingsAt(spec, lines, shared, place).map(({ line, at, text }) =>
        // A value that belongs nearer to another row is not this one's.
        element('td', { class: 'n' }, at >= 0 && nearest(shown, line.x[at]!) !== i ? '' : text),
      ),
    ),
  );
  const table = element('table', {}, element('thead', {}, head), element('tbody', {}, ...rows));
  return element(
    'div',
    { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': `Values of ${spec.title}` },
    table,
  );
}
