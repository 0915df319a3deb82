import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type CheckVerdict, checkTarget } from '../check/index.ts';
import type { Place } from '../place.ts';
import { finish } from '../progress.ts';
import { readSettings } from '../training/index.ts';

/**
 * The check of a run's best model for its report: from the folder alone, no chain and no Hub asked. Null without a best model, or when
 * it cannot be looked at; a report is no place to fail for that.
 */
export async function checkBest(runDir: string, place: Place): Promise<CheckVerdict | null> {
  const dir = join(runDir, 'best');
  if (!existsSync(join(dir, 'config.json'))) return null;
  try {
    return await finish(checkTarget({ target: { kind: 'folder', dir } }, { ...place, reachable: false }));
  } catch {
    return null;
  }
}

/** Network, profile and competition that a run was trained under, as flags: its report is about those, whatever holds here now. */
export async function trainedUnder(runDir: string): Promise<Record<string, unknown>> {
  const rows = await readSettings(runDir);
  const wanted = ['network', 'netuid', 'profile', 'competition'];
  const known = rows.filter(
    ({ key, value }) => wanted.includes(key) && ['string', 'number'].includes(typeof value),
  );
  return Object.fromEntries(known.map(({ key, value }) => [key, value]));
}
