/** Whether a challenger that was chosen by its promise keeps it: the winner's curse taken out. */
import { moreToSettle, type Prediction, predict, type Sample, type Trial } from './predict.ts';

/** What a look at the chosen challenger, on text that no choice was made by, comes to. */
export interface Confirmation {
  publish: boolean;
  /**
   * `confirmed`: it holds there too; `used`: the text is one that a choice was made by, so it says nothing; `too_few`: more sequences could
   * still confirm it; `not_confirmed`: the promise was the luck of the choice, or the gain is too small.
   */
  why: 'confirmed' | 'used' | 'too_few' | 'not_confirmed';
  prediction: Prediction | null;
  /** More sequences that would settle it; null: no number would. */
  more: number | null;
}

/**
 * `used`: keys of all samples that any choice was made by (which checkpoint, which rate, when to stop); `key`: that of the confirmation.
 * `meets`: the condition on a chance to win. The promise of the choice itself has met it before this is asked.
 */
export function confirm(
  { used, key, sample, trial }: { used: ReadonlySet<string>; key: string; sample: Sample; trial: Trial },
  meets: (chance: number) => boolean,
): Confirmation {
  const prediction = predict(sample, trial);
  const more = prediction && moreToSettle(sample, trial);
  const said = (publish: boolean, why: Confirmation['why']) => ({ publish, why, prediction, more });
  if (used.has(key)) return said(false, 'used');
  if (prediction === null) return said(false, 'too_few');
  if (meets(prediction.p)) return said(true, 'confirmed');
  const open = meets(prediction.high) && more !== null && more > 0;
  return said(false, open ? 'too_few' : 'not_confirmed');
}
