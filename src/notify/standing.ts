import type { Notice } from './notifier.ts';

/** Where a hotkey stands on a subnet at a block. */
export interface Standing {
  block: number;
  uid: number;
  /** 1: the best; among those with a model on chain. Null: none of its own. */
  place: number | null;
  /** Whether its newest seal still waits for its round, or has been opened. */
  state: string;
  incentive: number;
}

/** What people want to be told between two looks: on top, overtaken, a seal opened. */
export function standingNotices(before: Standing | null, now: Standing): Notice[] {
  if (before === null || before.uid !== now.uid) return [];
  const facts = { block: now.block, uid: now.uid, place: now.place, incentive: now.incentive };
  const notices: Notice[] = [];
  if (before.state === 'sealed' && now.state === 'revealed')
    notices.push({
      event: 'revealed',
      text: `The seal of uid ${now.uid} was opened by block ${now.block}.`,
      ...facts,
    });
  const [was, is] = [before.place ?? Number.POSITIVE_INFINITY, now.place ?? Number.POSITIVE_INFINITY];
  if (is === 1 && was > 1)
    notices.push({
      event: 'on_top',
      text: `uid ${now.uid} is on top since block ${now.block}.`,
      ...facts,
    });
  else if (is > was)
    notices.push({
      event: 'overtaken',
      text: `uid ${now.uid} was overtaken: place ${now.place ?? 'none'} instead of ${before.place}, at block ${now.block}.`,
      ...facts,
    });
  return notices;
}
