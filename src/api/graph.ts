import { bestOf, openLoadPlace, readSubnet, type Subnet } from '../load/index.ts';
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
 * uid of the miner with the highest incentive whose commitment names a model (in profile `6.0`: of `competition`, or of any that is open
 * when none is named); null when there is none. `pt load-best` takes the same one.
 */
export async function bestUid(options: NetworkOptions = {}): Promise<number | null> {
  const settings = settingsOf(options);
  const { chain, profile, schedule, close } = await openLoadPlace(settings, { kind: 'best' });
  try {
    const subnet = await readSubnet(chain!, settings.netuid, profile);
    return bestOf(subnet, settings.competition, { profile, schedule })?.uid ?? null;
  } finally {
    await close();
  }
}
