import type { CurveName } from '../types.ts';

/** How a curve is told from others: by colour, and by dashes and marks where there is none (print, colour blindness). */
export interface Look {
  /** What the legend switches it by. */
  key: string;
  /** Its colour comes by this class. */
  colour: string;
  dash: string;
  mark: Mark | null;
}

const MARKS = ['circle', 'square', 'triangle', 'diamond'] as const;
export type Mark = (typeof MARKS)[number];

const COLOURS = 8;
const DASHES = ['', '7 4', '2 3.5', '9 3 2 3', '13 4'];

/** Of a run by its number, no two of the first forty alike, nor of the first twenty without colour; on the page of one run, of a curve by its name. */
export function lookOf(which: number | CurveName): Look {
  if (typeof which === 'string') return { key: which, colour: which, dash: '', mark: null };
  return {
    key: `run-${which}`,
    colour: `colour-${which % COLOURS}`,
    dash: DASHES[which % DASHES.length]!,
    mark: MARKS[which % MARKS.length]!,
  };
}
