import type { Place } from '../place.ts';
import type { Opened, PublishOrder, PublishRequest } from './types.ts';

/**
 * Opens what publishing needs, cheapest and most likely to fail first: token, hotkey file, chain. The place closes it.
 * Throws `UserError` with exit 4 for token and hotkey, `OutsideError` (5) for the chain.
 */
export async function open(place: Place): Promise<Opened> {
  const hub = await place.hub({ token: true });
  const hotkey = await place.hotkey();
  return { ...place, hub, hotkey, chain: await place.chain() };
}

/** Everything that decides a publish: what was ordered, and the defaults for the rest. */
export function requestOf(order: PublishOrder, { netuid, competition }: Place): PublishRequest {
  return {
    netuid,
    competition,
    useHotkeyInHash: false,
    fields: {},
    sealBlocks: null,
    sealRound: null,
    waitReveal: false,
    makePublic: true,
    publicUpload: false,
    wait: false,
    replace: false,
    restart: false,
    noCheck: false,
    ...order,
  };
}
