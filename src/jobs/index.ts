/** Runs from any shell: put into the background, followed, stopped, labelled, removed. The run folder is all there is; nothing of ours stays resident. */
export { type Detached, detach } from './detach.ts';
export { namedRuns, runningRun, watchedRuns } from './find.ts';
export { followRun, type Happening, happenings } from './follow.ts';
export { labelRun } from './label.ts';
export { type Removable, removable, removeQuestion, removeRuns, toPrune } from './remove.ts';
export { stopRun } from './stop.ts';
