import type { Sandbox, SandboxOptions } from './start.ts';

export { SPECS } from './chain/pallets.ts';
export { playsLast } from './identity.ts';
export {
  launchDetached,
  logFile,
  type RunningSandbox,
  refuseOther,
  resetSandbox,
  sandboxStatus,
  stopSandbox,
} from './manage.ts';
export { type PlayVerdict, readThrone, type Throne, writeThrone } from './play/throne.ts';
export { pay } from './rpc.ts';
export { type Plays, readSandboxState, type SandboxState, sandboxDir } from './state.ts';
export type { Sandbox, SandboxOptions };

/** See start.ts. The servers and their codecs are loaded only here: most commands just ask whether a sandbox runs. */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const { startSandbox: start } = await import('./start.ts');
  return start(options);
}
