export {
  launchDetached,
  logFile,
  resetSandbox,
  type SandboxStatus,
  sandboxStatus,
  stopSandbox,
} from './manage.ts';
export { type Sandbox, type SandboxOptions, startSandbox } from './start.ts';
export { readSandboxState, type SandboxState, sandboxDir } from './state.ts';
