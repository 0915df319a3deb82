import type { Place } from '../place.ts';
import { type Work, warning } from '../progress.ts';
import { type PublishOrder, publish, type UploadOutcome } from '../publish/index.ts';
import { readBest, runOf, updateState } from '../training/index.ts';

/** Publishes, and adds it to the history of the run whose model it is, for `pt runs` and `pt report`. */
export async function* publishModel(order: PublishOrder, place: Place): Work<UploadOutcome> {
  const run = order.source.kind === 'folder' ? runOf(order.source.dir) : null;
  const outcome = yield* publish(run === null ? order : { ...order, worth: await worthOf(run) }, place);
  if (run === null) return outcome;
  try {
    await updateState(run, { published: outcome });
  } catch (error) {
    // It is published all the same.
    yield warning((error as Error).message);
  }
  return outcome;
}

/** What is known of a run's best model. */
async function worthOf(run: string): Promise<NonNullable<PublishOrder['worth']>> {
  const { readForecast } = await import('../report/index.ts');
  const [best, forecast] = [await readBest(run), await readForecast(run)];
  return { loss: best?.loss ?? null, on: 'held-out text', pWin: forecast?.evaluation.pWin ?? null };
}
