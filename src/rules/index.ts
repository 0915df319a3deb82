/** The protocol's rules as pure functions: no files, no network, no clock. */
export * from './check.ts';
export * from './commitment.ts';
export * from './competition.ts';
export * from './duplicates.ts';
export * from './epsilon.ts';
export * from './forecast.ts';
export * from './hash.ts';
export * from './model/index.ts';
export * from './push.ts';
export * from './repository.ts';
export * from './schedule.ts';
export type * from './types.ts';
export * as validator from './validator/index.ts';
export * from './verdict.ts';
export * from './wins.ts';
