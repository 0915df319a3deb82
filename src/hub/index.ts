export { isSameContent } from './content-id.ts';
export { createHub } from './create-hub.ts';
export type {
  DownloadRequest,
  Hub,
  HubFile,
  HubOptions,
  HubRevision,
  HubUser,
  RetryPolicy,
  Staged,
  UploadFile,
  UploadRequest,
  UploadResult,
} from './types.ts';
