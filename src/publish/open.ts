import { UserError } from '../errors.ts';
import type { Place } from '../place.ts';
import { fieldsOf } from '../rules/index.ts';
import type { Opened, PublishOrder, PublishRequest, PublishSource } from './types.ts';

/**
 * Opens what publishing needs, cheapest and most likely to fail first: token, hotkey file, chain. The place closes it.
 * What is elsewhere needs no token. Throws `UserError` with exit 4 for token and hotkey, `OutsideError` (5) for the chain.
 */
export async function open(place: Place, source: PublishSource): Promise<Opened> {
  const hub = await place.hub({ token: source.kind !== 'elsewhere' });
  const hotkey = await place.hotkey();
  return { ...place, hub, hotkey, chain: await place.chain() };
}

/**
 * Everything that decides a publish: what was ordered, and the defaults for the rest.
 *
 * @throws UserError `usage.not_sealed` when it is ordered how to seal what the profile does not seal; `usage.hash`; `usage.elsewhere`.
 */
export function requestOf(order: PublishOrder, place: Place): PublishRequest {
  const { netuid, competition, asked, profile } = place;
  refuseHash(order.useHotkeyInHash, place);
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
  refuseVisibility(order);
  return {
    netuid,
    competition,
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
    useHotkeyInHash: order.useHotkeyInHash ?? false,
  };
}

/** Refuses to show or hide what is on no Hub. Throws `UserError` `usage.elsewhere`. */
function refuseVisibility({ source, makePublic = true, publicUpload = false }: PublishOrder): void {
  const flags = [...(makePublic ? [] : ['--private']), ...(publicUpload ? ['--public-upload'] : [])];
  if (source.kind !== 'elsewhere' || flags.length === 0) return;
  throw new UserError(
    'usage.elsewhere',
    `${flags.join(', ')}: ${source.pin} is on no Hub, so pt neither shows nor hides it.`,
    { nextSteps: [`pt upload --commit-only REPO@PIN   # without ${flags.join(', ')}`] },
  );
}

/**
 * Refuses the hash that the profile has no place for. That it always binds the hotkey may be asked for all the same.
 *
 * @throws UserError `usage.hash`
 */
export function refuseHash(
  bind: boolean | null | undefined,
  { profile: { commit }, asked }: Pick<Place, 'profile' | 'asked'>,
): void {
  if (bind == null) return;
  const fields = fieldsOf(commit.format).map(({ name }) => name);
  const why =
    bind && !fields.includes('hash') && !fields.includes('secure_hash')
      ? 'has no content hash in its text'
      : !bind && fields.includes('secure_hash')
        ? 'always binds the content hash to the hotkey'
        : null;
  if (why === null) return;
  const flag = `--${bind ? '' : 'no-'}use-hotkey-in-hash`;
  throw new UserError('usage.hash', `${flag}: profile ${asked} ${why}.`, {
    nextSteps: [`pt upload   # without ${flag}`],
  });
}
