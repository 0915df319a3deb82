import { checkTarget } from '../check/index.ts';
import type { Place } from '../place.ts';
import { finish } from '../progress.ts';
import { against, describeReasons, locksFiles } from '../rules/index.ts';
import { readSource } from '../training/index.ts';

/**
 * What keeps the result of a prepared run from being taken on a subnet that locks settings and files, however well it trains; null: nothing that
 * is known. From the folder alone: no chain and no Hub is asked.
 */
export async function whyRefused(runDir: string, place: Place): Promise<string | null> {
  const { profile, profileName } = place;
  if (!locksFiles(profile)) return null;
  const source = await readSource(runDir);
  if (source.kind === 'recipe')
    return `${profileName} locks settings and files to its king's, and a recipe's model has its own: it is refused there. --load-best starts from the king.`;
  if (source.kind === 'model_file')
    return `${profileName} locks files to its king's, and --load-model FILE has none to keep: --load-model-dir takes the folder.`;
  const target = { kind: 'folder', dir: source.path } as const;
  const { findings } = await finish(checkTarget({ target }, { ...place, reachable: false }));
  const refused = findings.filter((finding) => against(finding) === 'refused');
  if (refused.length === 0) return null;
  return `As it is, ${source.path} is refused on ${profileName}, and training changes its numbers alone: ${describeReasons(refused).join(' ')}`;
}
