/** Scoring models as validators do, and the forecast that follows. */
export { describeDuel, sequencesToScore } from './duel.ts';
export { evaluate } from './evaluate.ts';
export { refuseUndecided, scoreKing } from './king.ts';
export { folderRef, parseModelRef } from './locate.ts';
export { isTextOver } from './score.ts';
export type * from './types.ts';
export { type Contestant, nothingScored, verdictOf, whyLost } from './verdict.ts';
