import { basename } from 'node:path';
import type { SeenGains } from '../evaluation/index.ts';
import type { Place } from '../place.ts';
import { listRuns, newestFought, readKing, runOf } from '../training/index.ts';

/**
 * The newest duel that was fought in training on this machine by the rule of this place: of the run that one of these folders belongs to, else of
 * any run. Null: there was none.
 */
export async function seenGains(
  dirs: string[],
  runsDir: string,
  { profileName }: Place,
): Promise<SeenGains | null> {
  const own = dirs.map(runOf).filter((run) => run !== null);
  const others = (await listRuns(runsDir)).map(({ dir }) => dir);
  for (const run of [...own, ...others]) {
    const king = await readKing(run);
    if (king?.profile !== profileName) continue;
    const fought = await newestFought(run);
    if (fought !== null) return { fought, of: basename(run), king: king.king, own: own.includes(run) };
  }
  return null;
}
