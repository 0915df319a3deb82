import { PtError } from '../errors.ts';
import type { Hub } from '../hub/index.ts';
import { type Work, warning } from '../progress.ts';
import { asWork, inParallel } from '../work.ts';

/** Repositories asked about at a time: quick, and no burden for a Hub. */
const AT_A_TIME = 8;

/** Bytes of all files by `repo@commit`; null: strangers cannot see it. What is missing was not looked at. */
export type RepositorySizes = Map<string, number | null>;

/**
 * Asks the Hub for the sizes of repositories, as a stranger. It is a courtesy to the reader: when the Hub cannot be reached, it is said
 * once, and the rest stays unknown.
 */
export async function* readSizes(
  models: { repo: string | null; commit: string | null }[],
  hub: Hub,
): Work<RepositorySizes> {
  const stranger = hub.anonymous();
  const sizes: RepositorySizes = new Map();
  const wanted = new Map(
    models.flatMap(({ repo, commit }) =>
      repo === null || commit === null ? [] : [[`${repo}@${commit}`, { repo, commit }] as const],
    ),
  );
  const phase = 'Reading sizes of repositories';
  try {
    yield* asWork(undefined, (report) =>
      inParallel(wanted, AT_A_TIME, async ([key, { repo, commit }]) => {
        const revision = await stranger.revision(repo, commit);
        sizes.set(key, revision === null ? null : revision.files.reduce((sum, { size }) => sum + size, 0));
        report({ kind: 'progress', phase, done: sizes.size, total: wanted.size, unit: 'files' });
      }),
    );
  } catch (error) {
    if (!(error instanceof PtError)) throw error;
    const unknown = wanted.size - sizes.size;
    const message = `Sizes of ${unknown} repositories stay unknown: ${error.message}`;
    yield warning(message);
  }
  return sizes;
}
