import type { Progress, Work } from './progress.ts';

const INTERVAL_MS = 100;

/**
 * Runs a task that reports from several places at once as one `Work`: the newest report is handed out at most ten times a second, and the
 * task's signal is aborted when the caller's is, or when the caller stops listening.
 */
export async function* asWork<Result>(
  outer: AbortSignal | undefined,
  task: (report: (event: Progress) => void, signal: AbortSignal) => Promise<Result>,
): Work<Result> {
  const controller = new AbortController();
  const signal = outer ? AbortSignal.any([outer, controller.signal]) : controller.signal;
  let newest: Progress | null = null;
  const notes: Progress[] = [];
  let settled = false;
  const running = task((event) => {
    if (event.kind === 'note') notes.push(event);
    else newest = event;
  }, signal).finally(() => {
    settled = true;
  });
  running.catch(() => {});
  try {
    while (!settled) {
      let timer: NodeJS.Timeout | undefined;
      const tick = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, INTERVAL_MS);
      });
      await Promise.race([running.catch(() => {}), tick]);
      clearTimeout(timer);
      yield* notes.splice(0);
      if (newest) yield newest;
      newest = null;
    }
    return await running;
  } finally {
    if (!settled) {
      controller.abort();
      await running.catch(() => {});
    }
  }
}

/** Runs `job` for every item, `width` at a time; the first failure stops the start of new ones and is thrown when all have ended. */
export async function inParallel<Item>(
  items: Iterable<Item>,
  width: number,
  job: (item: Item) => Promise<void>,
): Promise<void> {
  const queue = [...items];
  let failure: { error: unknown } | null = null;
  const worker = async (): Promise<void> => {
    while (failure === null) {
      const item = queue.shift();
      if (item === undefined) return;
      try {
        await job(item);
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.min(width, queue.length)) }, worker));
  if (failure !== null) throw (failure as { error: unknown }).error;
}
