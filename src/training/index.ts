export { joinRun, needsOthers, runName } from './join-run.ts';
export { type NewRunInput, newRun } from './new-run.ts';
export { resumeRun } from './open-run.ts';
export { plannedFacts } from './planned-facts.ts';
export { describeCondition, isMet, type PublishCondition, parseCondition } from './publish-condition.ts';
export { publishNewest } from './publish-newest.ts';
export { type TrainingFlags, trainingOptions } from './request.ts';
export { listRuns, locateRun, readBest, runOf, summariseRun, updateState } from './run-folder.ts';
export { train } from './train.ts';
export type {
  BestModel,
  DataSource,
  PublishIntent,
  RunRequest,
  RunState,
  RunSummary,
  TrainingOptions,
  TrainOutcome,
} from './types.ts';
