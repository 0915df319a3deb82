import { runPython } from '../check/index.ts';
import { isQuick } from '../evaluation/index.ts';
import type { ModelFacts } from '../model/index.ts';
import type { Place } from '../place.ts';
import type { Work } from '../progress.ts';

/**
 * Refuses a run whose start, a model of the network, takes more memory than there is, before the model is downloaded: the trainer's own estimate,
 * of its config. `run`: run.json; `processes`: that train together, and of them on this machine.
 *
 * @throws OutsideError `trainer.too_large`
 */
export async function* requireRunFits(
  run: Record<string, unknown>,
  facts: ModelFacts,
  { processes, here }: { processes: number; here: number },
  signal: AbortSignal,
  place: Place,
): Work<void> {
  if (run.ignore_estimate === true || isQuick(facts)) return;
  const { config } = facts;
  yield* runPython('needs.py', { run, config, processes, processes_here: here }, place, signal);
}
