import { checkTarget, lockedToKing } from '../check/index.ts';
import { PtError } from '../errors.ts';
import type { Place } from '../place.ts';
import { finish, type Work } from '../progress.ts';
import { against, describeReasons, type Finding, locksFiles } from '../rules/index.ts';
import { readSource } from '../training/index.ts';

/**
 * What keeps the result of a prepared run from being taken on a subnet that locks settings and files, however well it trains; null: nothing that
 * is known. `isKing`: pt has just loaded the start as the chain's king; any other folder is held beside that king, whose small files are read
 * for it, where the chain may be asked.
 */
export async function* whyRefused(runDir: string, isKing: boolean, place: Place): Work<string | null> {
  const { profile, profileName } = place;
  if (!locksFiles(profile)) return null;
  const source = await readSource(runDir);
  if (source.kind === 'recipe')
    return `${profileName} locks settings and files to its king's, and a recipe's model has its own: it is refused there. --load-best starts from the king.`;
  if (source.kind === 'model_file')
    return `${profileName} locks files to its king's, and --load-model FILE has none to keep: --load-model-dir takes the folder.`;
  const target = { kind: 'folder', dir: source.path } as const;
  const { findings } = await finish(checkTarget({ target }, { ...place, reachable: false }));
  const beside = isKing || !place.reachable ? null : yield* besideKing(source.path, place);
  const refused = [...findings, ...(beside?.findings ?? [])].filter((each) => against(each) === 'refused');
  if (refused.length === 0) return beside?.unknown ?? null;
  return `As it is, ${source.path} is refused on ${profileName}, and training changes its numbers alone: ${describeReasons(refused).join(' ')}`;
}

/** `unknown`: why the king could not be looked at. */
async function* besideKing(dir: string, place: Place): Work<{ findings: Finding[]; unknown: string | null }> {
  try {
    return { findings: yield* lockedToKing(dir, place), unknown: null };
  } catch (error) {
    if (!(error instanceof PtError)) throw error;
    const unknown = `Whether ${dir} has the settings and files that ${place.profileName} locks to its king's is not known: ${error.message}`;
    return { findings: [], unknown };
  } finally {
    await place.close(); // nothing is kept open for hours
  }
}
