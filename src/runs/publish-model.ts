import type { Place } from '../place.ts';
import type { Work } from '../progress.ts';
import { type PublishOrder, publish, type UploadOutcome } from '../publish/index.ts';
import { runOf, updateState } from '../training/index.ts';

/** Publishes, and adds it to the history of the run whose model it is, for `pt runs` and `pt report`. */
export async function* publishModel(order: PublishOrder, place: Place): Work<UploadOutcome> {
  const outcome = yield* publish(order, place);
  const run = order.source.kind === 'folder' ? runOf(order.source.dir) : null;
  if (run === null) return outcome;
  try {
    await updateState(run, { published: outcome });
  } catch (error) {
    // It is published all the same.
    yield { kind: 'note', level: 'warning', message: (error as Error).message };
  }
  return outcome;
}
