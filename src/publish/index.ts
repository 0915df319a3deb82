export { lookForCopies } from './copies.ts';
export { hiddenRepositories, hiddenSteps, hiddenText } from './hidden.ts';
export { isFinished, journalFiles } from './journal.ts';
export { type KnownLosses, type LossPlace, readLosses, writeLosses } from './known-losses.ts';
export { retirement } from './may-write.ts';
export { refuseHash } from './open.ts';
export { previewPublish } from './preview.ts';
export { preflight, publish } from './publish.ts';
export { publishedName } from './source.ts';
export type {
  PlannedStep,
  PublishOrder,
  PublishRequest,
  PublishSource,
  UploadOutcome,
  UploadPlan,
  WriteQuestion,
} from './types.ts';
export { rejectionOf } from './verdict.ts';
