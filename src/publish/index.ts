export { mayWrite, retirement } from './may-write.ts';
export { openPublishPlace } from './open-place.ts';
export { checkAccount } from './preconditions.ts';
export { previewPublish } from './preview.ts';
export { publish } from './publish.ts';
export type {
  PlannedStep,
  PublishPlace,
  PublishRequest,
  PublishSource,
  UploadOutcome,
  UploadPlan,
  WriteQuestion,
} from './types.ts';
