export { startHub } from './server.ts';
export type {
  Fault,
  FaultAction,
  HubToken,
  RequestRecord,
  SandboxHub,
  StartHubOptions,
  Step,
} from './types.ts';
