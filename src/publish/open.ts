import { UserError } from '../errors.ts';
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

/**
 * Everything that decides a publish: what was ordered, and the defaults for the rest.
 *
 * @throws UserError `usage.not_sealed` when it is ordered how to seal what the profile does not seal.
 */
export function requestOf(
  order: PublishOrder,
  { netuid, competition, asked, profile }: Place,
): PublishRequest {
  const sealing = [
    ...(order.sealBlocks == null ? [] : ['--blocks']),
    ...(order.sealRound == null ? [] : ['--round']),
    ...(order.waitReveal ? ['--wait-reveal'] : []),
  ];
  if (sealing.length > 0 && profile.commit.mode !== 'timelock')
    throw new UserError(
      'usage.not_sealed',
      `${sealing.join(', ')}: profile ${asked} writes plain text to the chain; there is no seal to open.`,
      { nextSteps: [`pt upload   # without ${sealing.join(', ')}`] },
    );
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
