/** A model by itself: which of its files count, and what no validator gets past. */
export { positionsOf } from './as-read.ts';
export { checkContent, type ModelContent } from './content.ts';
export { carriedFiles, hashedFiles, pinnedFiles, tokenizerFilesAmong, weightFiles } from './files.ts';
export { whyNoLoss } from './pinned.ts';
export { cannotScore, cannotTell } from './problem.ts';
