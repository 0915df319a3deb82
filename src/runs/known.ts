import { listRuns, type RunSummary } from '../training/index.ts';

/** A run with what it is said to be worth. */
export interface KnownRun extends RunSummary {
  /** Chance to win: of its duel, else of its last forecast; null: neither was made. */
  pWin: number | null;
}

/** The runs of a folder, newest first. */
export async function knownRuns(runsDir: string): Promise<KnownRun[]> {
  const { readForecast } = await import('../report/index.ts');
  return Promise.all(
    (await listRuns(runsDir)).map(async (run) => ({
      ...run,
      pWin: run.duel?.p ?? (await readForecast(run.dir))?.evaluation.pWin ?? null,
    })),
  );
}
