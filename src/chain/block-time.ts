import type { Runtime } from './runtime.ts';

/** Subtensor's, where the runtime does not tell. */
const DEFAULT_MS = 12_000;
/** Nobody's blocks are further apart: what a node says beyond that makes no wait longer. */
const LONGEST_MS = 60_000;

/** Time between blocks in milliseconds, as the runtime states it. */
export function blockTimeOf(runtime: Runtime): number {
  try {
    if (!runtime.hasConstant('Timestamp', 'MinimumPeriod')) return DEFAULT_MS;
    const period = Number(runtime.constant('Timestamp', 'MinimumPeriod'));
    return period >= 0 ? Math.min(Math.max(1, period * 2), LONGEST_MS) : DEFAULT_MS;
  } catch {
    return DEFAULT_MS;
  }
}
