/** Model folders and files: headers, facts, content hash, cast and upload plan. */

export { classOf, expectedShapes } from './architectures.ts';
export {
  contentHashOf,
  type FolderContent,
  fileSha256,
  hashEverything,
  readContent,
} from './content-hash.ts';
export { halfToNumber, type TargetDtype } from './convert.ts';
export { readHeader } from './header.ts';
export { type InspectedFolder, inspectFolder, inspectRemote, openFolder, openRemote } from './inspect.ts';
export { countActive, countParameters, countShapes, countTensors } from './parameters.ts';
export { type PlanOptions, planFolder, planUpload, type UploadPlan } from './plan-upload.ts';
export { remoteContent } from './remote-content.ts';
export { hubSource, memorySource, withFile } from './source.ts';
export type * from './types.ts';
