export { branchRun } from './branch.ts';
export { type Asked, checkpointsOf, linkCheckpoint } from './checkpoint.ts';
export {
  chanceAt,
  chanceInterval,
  countLook,
  describeChance,
  describeStanding,
  duelFolder,
  type King,
  type RunDuel,
  readKing,
  writeKing,
} from './duel-folder.ts';
export { duelOfRow, newestFought } from './duels.ts';
export { joinRun, needsOthers, runName } from './join-run.ts';
export {
  givenOptions,
  KNOBS,
  type Knob,
  knobs,
  type TrainingOptions,
  withDefaults,
} from './knobs.ts';
export { refuseLoneFlags } from './lone-flags.ts';
export { type Machine, refuseImpossible, thisMachine } from './machine.ts';
export { type NewRunInput, newRun } from './new-run.ts';
export { plannedFacts } from './planned-facts.ts';
export { tellerOf } from './progress-of.ts';
export { describeCondition, isMet, type PublishCondition, parseCondition } from './publish-condition.ts';
export { asksToPublish, type IntentFlags, idlePublishFlags, publishIntent } from './publish-intent.ts';
export { publishNewest } from './publish-newest.ts';
export { refuseUnknownHost } from './rendezvous.ts';
export {
  type Given,
  goOn,
  isUnchosen,
  keptFlags,
  openResumed,
  type ResumedRun,
  retargeted,
  staysOffline,
  unfollowed,
} from './resume.ts';
export {
  hasCheckpoint,
  holdRun,
  locateRun,
  lockFile,
  newRunId,
  readBest,
  readRunConfig,
  readSource,
  resumeCommand,
  runCalled,
  runOf,
  runWord,
  updateState,
} from './run-folder.ts';
export { isDriven, readLabels, readSettings, readState, repoOf, writeLabels } from './run-state.ts';
export { leftOut } from './same-command.ts';
export { ignoredSources, type SourceFlags } from './source.ts';
export { listRuns, summariseRun } from './summary.ts';
export { REPORT_TO, trackersOf } from './trackers.ts';
export { train } from './train.ts';
export type {
  BestModel,
  DataSource,
  DuelRequest,
  Labels,
  PublishIntent,
  RunRequest,
  RunState,
  RunSummary,
  TrainOutcome,
} from './types.ts';
export { keepDecided } from './undecided.ts';
