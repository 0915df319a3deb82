/** Weighted means of models, and which of them is best. */
export { parseWeights } from './candidates.ts';
export { mergeModels } from './merge.ts';
export { namedModels } from './named.ts';
export type * from './types.ts';
