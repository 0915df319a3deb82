import { rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { UserError } from '../errors.ts';
import { diskError } from '../host/disk-error.ts';
import { diskUsage } from '../host/disk-usage.ts';
import { holdRun, type RunSummary, summariseRun } from '../training/index.ts';
import { publishedRepo } from './published.ts';

/** A run that may be taken away. */
export interface Removable {
  run: string;
  dir: string;
  state: RunSummary['state'];
  /** Free once it is gone. */
  bytes: number;
  /** Repository of its last publish; null: never published. */
  published: string | null;
  hasBest: boolean;
}

/** What removing a run would take away. Throws UserError `run.busy` for one that is being trained, here or on another machine. */
export async function removable(dir: string): Promise<Removable> {
  // Held for a moment, which no run that is being trained lets anybody do.
  holdRun(dir)?.release();
  const run = await summariseRun(dir);
  if (run.state === 'running')
    throw new UserError('run.busy', `Run ${run.id} is being trained.`, { nextSteps: [`pt stop ${run.id}`] });
  const { id, state, bestLoss } = run;
  const published = publishedRepo(run);
  return { run: id, dir, state, bytes: (await diskUsage(dir)).bytes, published, hasBest: bestLoss !== null };
}

/** Takes runs away, with all that is in their folders. Throws UserError `run.busy` when one is trained by now: those before it are gone. */
export async function removeRuns(runs: readonly Removable[]): Promise<void> {
  for (const { dir } of runs) {
    const lock = holdRun(dir);
    try {
      await rm(dir, { recursive: true, force: true });
    } catch (error) {
      throw diskError(error, dir);
    } finally {
      lock?.release();
    }
  }
}

export interface PruneRules {
  /** Only those that failed or were killed. */
  failed: boolean;
  /** Only those that ended so many seconds ago or earlier. */
  olderThan: number | null;
  /** The newest so many stay, whatever else holds. */
  keep: number;
  now: Date;
}

/** Which of `runs` (newest first) the rules take away. One that is being trained, was published or has a tag always stays. */
export function toPrune(
  runs: readonly RunSummary[],
  { failed, olderThan, keep, now }: PruneRules,
): RunSummary[] {
  return runs.slice(keep).filter((run) => {
    if (run.state === 'running' || run.labels.tags.length > 0 || publishedRepo(run) !== null) return false;
    if (failed && run.state !== 'failed') return false;
    const ended = Date.parse(run.endedAt ?? run.startedAt);
    // A run that does not say when it was is older than nothing.
    return olderThan === null || now.getTime() - ended >= olderThan * 1000;
  });
}

/** What is asked before runs go. */
export function removeQuestion(runs: readonly Removable[], bytes: string): string {
  const published = runs.filter((run) => run.published !== null);
  const names = runs.length === 1 ? `run ${runs[0]!.run}` : `${runs.length} runs`;
  const warned = published.map(
    ({ run, published: repo, dir }) =>
      `${run} was published as ${repo}; its best model, ${basename(dir)}/best, goes too.\n`,
  );
  return `${warned.join('')}Remove ${names} (${bytes})?`;
}
