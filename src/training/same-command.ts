import { type Knob, knobs, OTHER_FLAGS } from './knobs.ts';

/** Where a run starts from, or goes on: one of them decides. */
const BEGINNINGS = [
  ...['load-best', 'load-uid', 'load-model-dir', 'load-model', 'load-model-config'],
  ...['resume', 'from-start', 'decay-from'],
];
const FIXED = new Set([
  ...knobs.filter(([, { resume }]: [string, Knob]) => resume === 'fixed').map(([, { flag }]) => flag),
  ...OTHER_FLAGS.fixed,
]);

/**
 * What of `pt train`'s flags a hint leaves out that is `pt train` too and says `said`: another beginning than its own, the run, where it says
 * what would make it another run, and what a run keeps by itself, where it goes on with the run that the command made.
 */
export function leftOut(said: ReadonlySet<string>, typed: ReadonlySet<string>): string[] {
  if (said.has('resume') && !typed.has('resume')) {
    const anew: readonly string[] = OTHER_FLAGS.start;
    return [...typed].filter((flag) => !anew.includes(flag));
  }
  if (BEGINNINGS.some((flag) => said.has(flag))) return BEGINNINGS;
  const another = [...said].some((flag) => FIXED.has(flag));
  return another && typed.has('resume') ? ['resume', 'from-start', 'run'] : [];
}
