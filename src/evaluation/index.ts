/** Scoring models as validators do, and the forecast that follows. */
export { type CostRequest, costOf } from './cost.ts';
export { describeCost, notesOfCost } from './describe-cost.ts';
export { describeDuel, sequencesToScore } from './duel.ts';
export { evaluate } from './evaluate.ts';
export { refuseUndecided, scoreKing } from './king.ts';
export { folderRef, parseModelRef } from './locate.ts';
export type { PowerRequest, SeenGains } from './power.ts';
export { isQuick } from './require-fit.ts';
export { isTextOver } from './score.ts';
export type * from './types.ts';
export { type Contestant, nothingScored, verdictOf, whyLost } from './verdict.ts';
