export { choiceOf, keepChoice } from './choose.ts';
export { DEFINITIONS } from './definitions.ts';
export { chainOptions, hubOptions } from './endpoints.ts';
export { resolveSettings, runsFolder, sandboxNotRunning } from './resolve.ts';
export type { SettingRow, Settings } from './types.ts';
