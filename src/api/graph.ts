import { bestOf, readSubnet, type Subnet } from '../load/index.ts';
import { at, type NetworkOptions } from './options.ts';

/** The metagraph joined with every parsed commitment, best miner first. Throws `OutsideError` (5) when the chain cannot be read. */
export function subnet(options: NetworkOptions = {}): Promise<Subnet> {
  return at(options, async (place) => readSubnet(await place.chain(), place.netuid, place.profile));
}

/**
 * uid of the miner with the highest incentive whose commitment names a model (in profile `6.0`: of `competition`, or of any that is open
 * when none is named); null when there is none. `pt load-best` takes the same one.
 */
export function bestUid(options: NetworkOptions = {}): Promise<number | null> {
  return at(options, async (place) => {
    const subnet = await readSubnet(await place.chain(), place.netuid, place.profile);
    return bestOf(subnet, place.competition, place)?.uid ?? null;
  });
}
