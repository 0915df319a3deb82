import { runPython } from '../check/index.ts';
import type { ModelFacts } from '../model/index.ts';
import type { Place } from '../place.ts';
import type { Work } from '../progress.ts';

/** A smaller model is downloaded about as soon as Python has started, and what it lacks is said when it is loaded. Parameters. */
const QUICK = 100_000_000;

/** Whether a model is so small that it is simply tried. */
export const isQuick = ({ parameters }: ModelFacts): boolean => parameters === null || parameters < QUICK;

/**
 * Refuses a model whose weights do not fit into this machine's memory or its device's, before it is downloaded. `past`: how the caller is told to go
 * on all the same; null: there is no way.
 *
 * @throws OutsideError `trainer.too_large`
 */
export async function* requireScoringFits(
  name: string,
  facts: ModelFacts,
  past: string | null,
  { device, signal }: { device?: string | undefined; signal?: AbortSignal | undefined },
  place: Place,
): Work<void> {
  if (isQuick(facts)) return;
  const { config, parameters: elements } = facts;
  const models = [{ name, config, elements }];
  const asked = { models, sequence_length: 2, require: true, past, device: device ?? place.device };
  yield* runPython('needs.py', asked, place, signal);
}
