import { formatWhole } from '../../text/format.ts';
import type { ChartSpec } from '../types.ts';
import { sayPosition } from './axis.ts';
import { element } from './dom.ts';
import type { Shared } from './lines.ts';
import { swatch } from './marks.ts';
import type { Reading } from './readings.ts';
import { say } from './words.ts';

/** The box beside the cursor. */
export function tipOf({ format }: ChartSpec, readings: Reading[], { axis, view }: Shared): HTMLElement[] {
  const rows = readings.flatMap(({ line, at, text }) => {
    if (at < 0) return [];
    const { [at]: step = 0 } = line.step;
    const { [at]: from = step } = line.from;
    const spread =
      from !== step && line.low[at] != null && line.high[at] != null
        ? ` (${say(line.low[at], format)} to ${say(line.high[at], format)})`
        : '';
    const where =
      line.x[at] === view.cursor && axis.name === 'steps'
        ? ''
        : ` at ${axis.name === 'steps' ? '' : 'step '}${from === step ? '' : `${formatWhole(from)}–`}${formatWhole(step)}`;
    return [
      element(
        'span',
        { class: 'entry' },
        swatch(line.look),
        `${line.name} `,
        element('b', {}, text),
        spread,
        where,
      ),
    ];
  });
  return [element('strong', {}, sayPosition(axis, view.cursor!)), ...rows];
}
