/** What validators would say of a model, before it is published. */
export { blockFor } from './at-block.ts';
export { checkTarget, lockedToKing, parseTarget } from './check-target.ts';
export { deepCheck, fixFolder } from './deep.ts';
export { blockOfDate, listCompetitions } from './list-competitions.ts';
export { runPython } from './run-python.ts';
export type * from './types.ts';
