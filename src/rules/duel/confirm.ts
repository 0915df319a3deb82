/** Whether a challenger that was chosen by its promise keeps it: the winner's curse taken out. */
import type { Prediction } from './predict.ts';

/** What a look at the chosen challenger found on text that no choice was made by. */
export interface FreshLook {
  /** Chance to win there; null: too few sequences to say one. */
  chance: number | null;
  /** Upper end of what the chance may be; null where it is not known. */
  high: Prediction['high'] | null;
  /** More sequences that would settle it; null: no number would. */
  more: number | null;
}

/** What such a look comes to. */
export interface Confirmation {
  publish: boolean;
  /**
   * `confirmed`: it holds there too; `no_text`: there is no such text, so the promise, which met the condition, is all there is, and may
   * be luck; `too_few`: more sequences could still confirm it; `not_confirmed`: the promise was the luck of the choice, or the gain is
   * too small.
   */
  why: 'confirmed' | 'no_text' | 'too_few' | 'not_confirmed';
}

/**
 * `fresh`: null where every sequence has been used by a choice (which checkpoint, when to stop). `meets`: the condition on a chance to win,
 * which the promise of the choice itself has met before this is asked.
 */
export function confirm(fresh: FreshLook | null, meets: (chance: number) => boolean): Confirmation {
  if (fresh === null) return { publish: true, why: 'no_text' };
  const { chance, high, more } = fresh;
  if (chance === null) return { publish: false, why: 'too_few' };
  if (meets(chance)) return { publish: true, why: 'confirmed' };
  const open = high !== null && meets(high) && more !== null && more > 0;
  return { publish: false, why: open ? 'too_few' : 'not_confirmed' };
}
