import type { Fault, FaultAction, Step } from './types.ts';

/** Picks the fault that strikes a request, counting as it goes: the first in the list that matches and is not used up. */
export function faultPicker(faults: Fault[]): (step: Step, methodAndPath: string) => FaultAction | null {
  const states = faults.map((fault) => ({
    fault,
    pattern: fault.match === undefined ? null : new RegExp(fault.match),
    seen: 0,
    used: 0,
  }));
  return (step, methodAndPath) => {
    for (const state of states) {
      const { fault, pattern } = state;
      if (fault.step !== undefined && fault.step !== step) continue;
      if (pattern && !pattern.test(methodAndPath)) continue;
      state.seen += 1;
      if (state.seen <= (fault.after ?? 0) || state.used >= (fault.times ?? Number.POSITIVE_INFINITY))
        continue;
      state.used += 1;
      return fault.does;
    }
    return null;
  };
}
