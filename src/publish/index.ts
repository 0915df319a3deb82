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
} from './types.ts';
