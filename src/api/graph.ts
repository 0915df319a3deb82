import { competitionIdOf } from '../load/find.ts';
import { bestMiner, openLoadPlace, readSubnet, type Subnet } from '../load/index.ts';
import { type NetworkOptions, settingsOf } from './options.ts';

/** The metagraph joined with every parsed commitment, best miner first. Throws `OutsideError` (5) when the chain cannot be read. */
export async function subnet(options: NetworkOptions = {}): Promise<Subnet> {
  const settings = settingsOf(options);
  const { chain, profile, close } = await openLoadPlace(settings, { kind: 'best' });
  try {
    return await readSubnet(chain!, settings.netuid, profile);
  } finally {
    await close();
  }
}

/**
 * uid of the miner with the highest incentive whose commitment names a model (of `competition`, in profile `6.0`); null when there is none.
 */
export async function bestUid(options: NetworkOptions = {}): Promise<number | null> {
  const settings = settingsOf(options);
  const { chain, profile, schedule, close } = await openLoadPlace(settings, { kind: 'best' });
  try {
    const { miners, block } = await readSubnet(chain!, settings.netuid, profile);
    const competition = competitionIdOf(settings.competition, { profile, schedule }, block);
    return bestMiner(miners, competition)?.uid ?? null;
  } finally {
    await close();
  }
}
