export {
  createRun,
  findRun,
  listRuns,
  readRunConfig,
  summariseRun,
  updateState,
  writeJson,
  writeRun,
} from './run-folder.ts';
export { chooseSource, type SourceChoice, type SourceFlags } from './source.ts';
export { clock, count, train } from './train.ts';
export type { DataSource, RunRequest, RunState, RunSummary, TrainingOptions, TrainOutcome } from './types.ts';
