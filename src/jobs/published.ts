import type { RunSummary } from '../training/index.ts';

/** Repository of a run's last publish, as `state.json` says, which anybody can edit; null: none. */
export function publishedRepo({ published }: Pick<RunSummary, 'published'>): string | null {
  const repo = (published as { repo?: unknown } | null)?.repo;
  return typeof repo === 'string' ? repo : null;
}
