import { connect, findHotkeys } from '../chain/index.ts';
import { createHub } from '../hub/index.ts';
import { isLoopback } from '../loopback.ts';
import { chainOptions, hubOptions, type Settings } from '../settings/index.ts';
import type { CheckPlace } from './types.ts';

/** What a check may look at under these settings; nothing is opened yet. `--offline` reaches the chain only on this machine. */
export async function openCheckPlace(settings: Settings): Promise<CheckPlace> {
  const { constants, network, profile } = settings;
  const reachable = !settings.offline || network.endpoints.some((endpoint) => isLoopback(endpoint));
  return {
    profileName: profile,
    profile: constants.profiles[profile],
    schedule: constants.schedules[network.schedule]!,
    tokenizers: constants.tokenizers,
    openChain: reachable ? () => connect(chainOptions(settings)) : null,
    openHub: () => createHub(hubOptions(settings)),
    ownHotkeys: new Set((await ownHotkeys(settings)).filter((address) => address !== null)),
  };
}

/** Addresses of the hotkeys on this machine; a wallet folder that cannot be read only means that none is known. */
async function ownHotkeys(settings: Settings): Promise<(string | null)[]> {
  try {
    return (await findHotkeys(settings.wallet.path)).map((file) => file.ss58);
  } catch {
    return [];
  }
}
