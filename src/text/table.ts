import stringWidth from 'string-width';
import { presentable } from './harmless.ts';

export interface Column {
  title: string;
  align?: 'left' | 'right';
  /** Which end stays when a cell is cut. Paths and addresses read best with `middle`. */
  cut?: 'end' | 'middle';
}

const GAP = 2;
const NARROWEST = 6;
const segmenter = new Intl.Segmenter();

function take(chars: string[], width: number): string {
  let out = '';
  let used = 0;
  for (const char of chars) {
    used += stringWidth(char);
    if (used > width) break;
    out += char;
  }
  return out;
}

/** Cuts text to a number of terminal cells, with `…` where something is missing. */
export function cutText(text: string, width: number, cut: 'end' | 'middle' = 'end'): string {
  if (stringWidth(text) <= width) return text;
  if (width <= 1) return width === 1 ? '…' : '';
  const chars = [...segmenter.segment(text)].map(({ segment }) => segment);
  if (cut === 'end') return `${take(chars, width - 1)}…`;
  const head = take(chars, Math.ceil((width - 1) / 2));
  const tail = take(chars.toReversed(), Math.floor((width - 1) / 2));
  return `${head}…${[...segmenter.segment(tail)]
    .map(({ segment }) => segment)
    .toReversed()
    .join('')}`;
}

function pad(text: string, width: number, align: 'left' | 'right'): string {
  const space = ' '.repeat(Math.max(0, width - stringWidth(text)));
  return align === 'right' ? space + text : text + space;
}

/** Narrows the widest columns first until all fit; null when even the narrowest do not. */
function shrink(widths: number[], room: number): number[] | null {
  const fitted = [...widths];
  while (fitted.reduce((sum, width) => sum + width, 0) > room) {
    const widest = Math.max(...fitted);
    if (widest <= NARROWEST) return null;
    fitted[fitted.lastIndexOf(widest)] = widest - 1;
  }
  return fitted;
}

/**
 * A table as lines, no wider than `width` cells; where columns do not fit even when cut, each row becomes a block of
 * `title: value` lines. Cells are made presentable here, so callers may pass foreign text as it came.
 */
export function layTable(columns: Column[], rows: unknown[][], width: number): string[] {
  const cells = rows.map((row) => columns.map((_, i) => presentable(row[i] == null ? '-' : String(row[i]))));
  const natural = columns.map((column, i) =>
    Math.max(stringWidth(column.title), ...cells.map((row) => stringWidth(row[i] ?? ''))),
  );
  const widths = shrink(natural, width - GAP * (columns.length - 1));
  if (widths === null) {
    return cells.flatMap((row, r) => [
      ...(r > 0 ? [''] : []),
      ...columns.map((column, i) => cutText(`${column.title}: ${row[i]}`, Math.max(width, 8), column.cut)),
    ]);
  }
  const line = (row: string[]) =>
    row
      .map((cell, i) => {
        const column = columns[i]!;
        return pad(cutText(cell, widths[i]!, column.cut), widths[i]!, column.align ?? 'left');
      })
      .join(' '.repeat(GAP))
      .trimEnd();
  return [line(columns.map(({ title }) => title)), ...cells.map(line)];
}
