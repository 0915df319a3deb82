import type { ChartSpec } from '../types.ts';
import { sayPosition } from './axis.ts';
import { endOf, type Line, type Shared } from './lines.ts';
import { nearest } from './scale.ts';
import { say } from './words.ts';

/** What the curves of a chart say at one place: for its legend, the box at the cursor, and screen readers. */
export interface Reading {
  line: Line;
  /** Index in the line; -1: it says nothing here. */
  at: number;
  text: string;
}

/** At a position of the axis; null: at the end of each. */
export function readingsAt(
  { format }: ChartSpec,
  lines: Line[],
  shared: Shared,
  position: number | null,
): Reading[] {
  const [from, to] = shared.view.full;
  return lines.map((line) => {
    // A run that is over says nothing of what came later in others.
    const over =
      position !== null &&
      shared.runs.length > 1 &&
      position > endOf(shared.runs[line.run]!, shared.axis) + (to - from) / 200;
    const at = over ? -1 : position === null ? line.x.length - 1 : nearest(line.x, position);
    return { line, at, text: at < 0 ? '–' : say(line.y[at]!, format) };
  });
}

export const spoken = (readings: Reading[]): string =>
  readings.map(({ line, text }) => `${line.name} ${text === '–' ? 'nothing' : text}`).join(', ');

/** What a chart shows, in a sentence. */
export function summaryOf({ title, unit, format }: ChartSpec, lines: Line[], { axis }: Shared): string {
  const parts = lines.map((line) => {
    const first = line.y.findIndex((value) => value !== null);
    const last = line.y.findLastIndex((value) => value !== null);
    if (first < 0) return `${line.name}: nothing yet`;
    const end = (at: number) => `${say(line.y[at]!, format)} at ${sayPosition(axis, line.x[at]!)}`;
    return `${line.name} from ${end(first)} to ${end(last)}`;
  });
  return `${title}, ${unit}: ${parts.join('; ')}`;
}

/** Places with a value, of all lines together, ascending. */
export function placesOf(lines: Line[]): number[] {
  if (lines.length === 1) return lines[0]!.x;
  return [...new Set(lines.flatMap(({ x }) => x))].sort((a, b) => a - b);
}
