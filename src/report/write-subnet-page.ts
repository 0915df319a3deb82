import { resolve } from 'node:path';
import { writeWhole } from '../host/write-file.ts';
import { readSizes, readStandings, type SubnetStatus } from '../load/index.ts';
import type { Place } from '../place.ts';
import type { Work } from '../progress.ts';
import { readLosses } from '../publish/index.ts';
import { loadAssets } from './assets.ts';
import { subnetPage } from './subnet-page.ts';

export interface SubnetPageRequest {
  status: SubnetStatus;
  /** What people call the profile. */
  profile: string;
  /** File to write. */
  out: string;
}

/**
 * Writes the page of a subnet, with the sizes of its models and what is known here of their losses; gives its absolute path. Throws `UserError`
 * `disk.*` when it cannot be written.
 */
export async function* writeSubnetPage(
  { status, profile, out }: SubnetPageRequest,
  place: Place,
): Work<string> {
  const file = resolve(out);
  const facts = {
    status,
    network: place.network,
    profile,
    sizes: yield* readSizes(status.neurons, await place.hub()),
    losses: await readLosses(place),
    standings: status.hotkey === null ? [] : await readStandings(place, status.hotkey),
    secondsPerBlock: place.networks[place.network]?.block_anchor?.seconds_per_block ?? null,
    madeAt: new Date(),
  };
  await writeWhole(file, subnetPage(facts, await loadAssets()), { mode: 0o666 });
  return file;
}
