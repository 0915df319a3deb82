import type { ChartSpec, PageRun } from '../types.ts';
import { measureOf } from './axis.ts';

const HEAD = 'run,curve,first_step,step,tokens,seconds,flops,value,lowest,highest,not_finite';

/** Everything a chart has as a table, a line for each value; without an end of the line that a spreadsheet could take for a formula. */
export function csvOf({ series }: ChartSpec, runs: PageRun[]): string {
  const lines = runs.flatMap((run) => {
    const [tokens, seconds, flops] = (['tokens', 'time', 'flops'] as const).map((name) =>
      measureOf(name, run),
    );
    return series.flatMap(({ curve, name }) => {
      const { x, y, from, lo, hi, bad } = run.curves[curve];
      return x.map((step, i) =>
        [
          text(run.name),
          text(name),
          from?.[i] ?? step,
          step,
          number(tokens?.(step), 0),
          number(seconds?.(step), 3),
          flops?.(step)?.toPrecision(6) ?? '',
          y[i] ?? '',
          lo?.[i] ?? y[i] ?? '',
          hi?.[i] ?? y[i] ?? '',
          bad?.[i] ?? (y[i] === null ? 1 : 0),
        ].join(','),
      );
    });
  });
  return `${[HEAD, ...lines].join('\r\n')}\r\n`;
}

const number = (value: number | undefined, digits: number): string =>
  value === undefined ? '' : String(Number(value.toFixed(digits)));

/** A name of anyone's: quoted, and no formula. */
const text = (name: string): string =>
  `"${(/^[=+\-@\t\r]/.test(name) ? `'${name}` : name).replaceAll('"', '""')}"`;
