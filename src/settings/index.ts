export { DEFINITIONS, KNOWN_VARIABLES, resolvePath, type SettingName } from './definitions.ts';
export { chainOptions, hubOptions, isLoopback } from './endpoints.ts';
export { ptHome, resolveSettings, type SettingsInput, sandboxNotRunning } from './resolve.ts';
export { configFile } from './sources.ts';
export type { SettingRow, Settings } from './types.ts';
