/** What only validators do with a model: nothing here decides what `pt` does; it is held to the reference's vectors. */
export * from './loss.ts';
export * from './norms.ts';
export * from './packing.ts';
export * from './repetition.ts';
export * from './updater.ts';
export * from './weights.ts';
