/** Python: its environment and the processes that run in it. The only room that knows pythonia. */
export { type DataRead, type EventOf, readEvent, type TrainerEvent } from './events.ts';
export { cacheFolder } from './paths.ts';
export { findManaged, findPython } from './python-env.ts';
export { provePython, pythonInfo } from './python-info.ts';
export { type SetupOptions, setupPython } from './setup.ts';
export { findSealer, openSeal, QUICKNET, sealBytes } from './timelock.ts';
export { closeBridge, runScript, startTrainer } from './trainer.ts';
export type * from './types.ts';
