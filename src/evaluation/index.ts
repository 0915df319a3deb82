/** Scoring models as validators do, and the forecast that follows. */
export { describeDuel } from './duel.ts';
export { evaluate, folderRef, parseModelRef } from './evaluate.ts';
export type * from './types.ts';
export { type Contestant, nothingScored, verdictOf, whyLost } from './verdict.ts';
