import stringWidth from 'string-width';
import { presentable } from './harmless.ts';

export interface Column {
  title: string;
  align?: 'left' | 'right';
  /**
   * What gives way where the terminal is narrow; nothing is ever cut. `wrap`: prose, which goes on in the next line of its column. `under`:
   * names and addresses, which stand whole in lines of their own under the row.
   */
  narrow?: 'wrap' | 'under';
}

const GAP = 2;
/** Prose in a column narrower than this is not read. */
const NARROWEST_PROSE = 24;
const INDENT = '  ';
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

/** Cuts text to a number of terminal cells, with `…` where something is missing; for a line that is drawn again and again. */
export function cutText(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  if (width <= 1) return width === 1 ? '…' : '';
  return `${take(
    [...segmenter.segment(text)].map(({ segment }) => segment),
    width - 1,
  )}…`;
}

function pad(text: string, width: number, align: 'left' | 'right'): string {
  const space = ' '.repeat(Math.max(0, width - stringWidth(text)));
  return align === 'right' ? space + text : text + space;
}

const sum = (numbers: number[]): number => numbers.reduce((total, number) => total + number, 0);

/** Narrows the widest of the columns that may be narrower until all fit; null when they do not at their least. */
function shrink(widths: number[], least: number[], room: number): number[] | null {
  const fitted = [...widths];
  while (sum(fitted) > room) {
    const widest = Math.max(...fitted.filter((width, i) => width > least[i]!));
    if (!Number.isFinite(widest)) return null;
    const at = fitted.findLastIndex((width, i) => width === widest && width > least[i]!);
    fitted[at] = widest - 1;
  }
  return fitted;
}

/** Text in lines of at most `width` cells, broken at spaces. A longer word stays whole: what is broken cannot be copied. */
export function wrapText(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && stringWidth(last) + 1 + stringWidth(word) <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** `title value` one after the other, as many in a line as fit. */
function packed(pieces: { title: string; value: string }[], width: number): string[] {
  const lines: string[] = [];
  for (const { title, value } of pieces) {
    const piece = title === '' ? value : `${title} ${value}`;
    const last = lines.at(-1);
    if (last !== undefined && stringWidth(last) + GAP + stringWidth(piece) <= width)
      lines[lines.length - 1] = `${last}${' '.repeat(GAP)}${piece}`;
    else if (stringWidth(piece) <= width) lines.push(piece);
    else lines.push(...wrapText(piece, width));
  }
  return lines.map((line) => `${INDENT}${line}`);
}

/**
 * A table as lines, no wider than `width` cells but where a single word is wider; where columns do not fit, each row becomes a block of
 * `title: value` lines. Cells are made presentable here, so callers may pass foreign text as it came.
 */
export function layTable(columns: Column[], rows: unknown[][], width: number): string[] {
  const cells = rows.map((row) => columns.map((_, i) => presentable(row[i] == null ? '-' : String(row[i]))));
  const laid = layColumns(columns, cells, width);
  if (laid !== null) return laid;
  return cells.flatMap((row, r) => [
    ...(r > 0 ? [''] : []),
    ...columns.flatMap(({ title }, i) => {
      if (row[i] === '') return [];
      const [first = '', ...more] = wrapText(title === '' ? row[i]! : `${title}: ${row[i]}`, width);
      return [first, ...more.map((line) => `${INDENT}${line}`)];
    }),
  ]);
}

function layColumns(columns: Column[], cells: string[][], width: number): string[] | null {
  const natural = columns.map(({ title }, i) =>
    Math.max(stringWidth(title), ...cells.map((row) => stringWidth(row[i]!))),
  );
  const least = columns.map(({ narrow, title }, i) => {
    if (narrow === undefined) return natural[i]!;
    // At least a title, and a value of its length; a column that is narrower holds nothing.
    return Math.min(natural[i]!, narrow === 'wrap' ? NARROWEST_PROSE : stringWidth(title));
  });
  const beside = columns.map(() => true);
  for (;;) {
    const at = columns.flatMap((_, i) => (beside[i] ? [i] : []));
    const room = width - GAP * (at.length - 1);
    const fitted = shrink(
      at.map((i) => natural[i]!),
      at.map((i) => least[i]!),
      room,
    );
    // A column that most of its cells would not fit into is only in the way.
    const idle = at.findLastIndex((i, k) => {
      const said = cells.filter((row) => row[i] !== '' && row[i] !== '-');
      const fit = said.filter((row) => stringWidth(row[i]!) <= (fitted?.[k] ?? 0));
      return columns[i]!.narrow === 'under' && fit.length * 2 < said.length;
    });
    if (fitted !== null && idle === -1) return layRows(columns, cells, at, fitted, width);
    // Where they do not fit at all, the last one first: what comes first matters most.
    const last =
      fitted === null ? columns.findLastIndex(({ narrow }, i) => narrow === 'under' && beside[i]) : at[idle]!;
    if (last === -1) return null;
    beside[last] = false;
  }
}

/** Rows with the columns `at` beside each other, and everything else of a row under it. */
function layRows(
  columns: Column[],
  cells: string[][],
  at: number[],
  widths: number[],
  width: number,
): string[] {
  const line = (parts: string[]) =>
    parts
      .map((part, k) => pad(part, widths[k]!, columns[at[k]!]!.align ?? 'left'))
      .join(' '.repeat(GAP))
      .trimEnd();
  return [
    line(at.map((i) => columns[i]!.title)),
    ...cells.flatMap((row) => {
      const fits = (i: number) => {
        const k = at.indexOf(i);
        return k !== -1 && (columns[i]!.narrow !== 'under' || stringWidth(row[i]!) <= widths[k]!);
      };
      const parts = at.map((i, k) => {
        if (!fits(i)) return [''];
        return columns[i]!.narrow === 'wrap' ? wrapText(row[i]!, widths[k]!) : [row[i]!];
      });
      const height = Math.max(...parts.map(({ length }) => length));
      const under = columns.flatMap(({ title }, i) =>
        fits(i) || row[i] === '-' || row[i] === '' ? [] : [{ title, value: row[i]! }],
      );
      return [
        ...Array.from({ length: height }, (_, n) => line(parts.map((part) => part[n] ?? ''))),
        ...packed(under, width - INDENT.length),
      ];
    }),
  ];
}
