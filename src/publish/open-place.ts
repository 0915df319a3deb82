import { connect, openHotkey, type PasswordSource } from '../chain/index.ts';
import { UserError } from '../errors.ts';
import { createHub } from '../hub/index.ts';
import { chainOptions, hubOptions, type Settings } from '../settings/index.ts';
import type { PublishPlace } from './types.ts';

/**
 * Opens what publishing needs, cheapest and most likely to fail first: token, hotkey file, chain. The caller closes it.
 * Throws `UserError` with exit 4 for token and hotkey, `OutsideError` (5) for the chain.
 */
export async function openPublishPlace(
  settings: Settings,
  password?: PasswordSource,
): Promise<PublishPlace & { close(): Promise<void> }> {
  const { constants, network, profile: profileName } = settings;
  const schedule = constants.schedules[network.schedule];
  if (!schedule)
    throw new UserError('schedule.missing', `There is no schedule ${network.schedule}.`, {
      nextSteps: ['Name one that is there in the constants folder, in networks.json.', 'pt config show'],
    });
  const hub = createHub(hubOptions(settings, { needToken: true }));
  const where = chainOptions(settings);
  const hotkey = await openHotkey(
    settings.wallet,
    async () => settings.walletPassword ?? (await password?.()) ?? null,
  );
  const chain = await connect(where);
  return {
    chain,
    hub,
    hotkey,
    profileName,
    profile: constants.profiles[profileName],
    schedule,
    tokenizers: constants.tokenizers,
    home: settings.home,
    networks: constants.networks,
    network: network.name,
    close: () => chain.close(),
  };
}
