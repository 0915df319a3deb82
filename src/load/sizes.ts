import { PtError } from '../errors.ts';
import type { Hub } from '../hub/index.ts';
import type { Work } from '../progress.ts';

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
  const left = [...wanted];
  let problem: PtError | null = null;
  const worker = async () => {
    for (let next = left.shift(); next !== undefined && problem === null; next = left.shift()) {
      const [key, { repo, commit }] = next;
      try {
        const revision = await stranger.revision(repo, commit);
        sizes.set(key, revision === null ? null : revision.files.reduce((sum, { size }) => sum + size, 0));
      } catch (error) {
        if (!(error instanceof PtError)) throw error;
        problem = error;
      }
    }
  };
  const workers = Array.from({ length: Math.min(AT_A_TIME, left.length) }, worker);
  const all = Promise.all(workers).then(() => true);
  const phase = 'Reading sizes of repositories';
  while (!(await Promise.race([all, wait(200)])))
    yield { kind: 'progress', phase, done: sizes.size, total: wanted.size, unit: 'files' };
  if (problem !== null)
    yield {
      kind: 'note',
      level: 'warning',
      message: `Sizes of ${wanted.size - sizes.size} repositories stay unknown: ${(problem as PtError).message}`,
    };
  return sizes;
}

const wait = (ms: number): Promise<false> => new Promise((resolve) => setTimeout(() => resolve(false), ms));
