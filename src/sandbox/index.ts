export {
  launchDetached,
  logFile,
  resetSandbox,
  type SandboxStatus,
  sandboxStatus,
  stopSandbox,
} from './manage.ts';
export { readSandboxState, type SandboxState, sandboxDir } from './state.ts';
