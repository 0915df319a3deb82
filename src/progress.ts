/**
 * Long work in every room is an async generator: it yields these and returns its result. Only `commands` renders them.
 */
export type Progress =
  /** A bar: `done` of `total` (absent when unknown). `phase` is the same string through one phase. */
  | { kind: 'progress'; phase: string; done: number; total?: number; unit: Unit; detail?: string }
  /** One sentence for people, shown once. */
  | { kind: 'note'; level: 'info' | 'warning'; message: string };

/** A sentence for people, as work yields it. */
export const note = (message: string): Progress => ({ kind: 'note', level: 'info', message });
export const warning = (message: string): Progress => ({ kind: 'note', level: 'warning', message });

export type Unit = 'bytes' | 'steps' | 'tokens' | 'tensors' | 'files' | 'blocks' | 'sequences';

export type Work<Result> = AsyncGenerator<Progress, Result, void>;

/** Runs `work` to its end, handing each event to `onProgress`. */
export async function finish<Result>(
  work: Work<Result>,
  onProgress?: (event: Progress) => void,
): Promise<Result> {
  for (;;) {
    const next = await work.next();
    if (next.done) return next.value;
    onProgress?.(next.value);
  }
}
