import { openPlace, type Place } from '../place.ts';
import type { Progress } from '../progress.ts';
import { resolveSettings, type Settings } from '../settings/index.ts';

/** Which of a wallet's hotkeys signs, as in `--wallet-name`, `--wallet-hotkey`, `--wallet-path`. */
export interface WalletOptions {
  name?: string;
  hotkey?: string;
  path?: string;
}

/**
 * Where to act; whatever is left out comes from the same places as the command's settings (environment, `.env`, config file,
 * constants). Tokens and passwords come from there alone.
 */
export interface NetworkOptions {
  /** `finney`, `test`, `local`, `sandbox`, or `ws://…`. */
  network?: string;
  netuid?: number;
  /** A file of `constants/profiles/` without its ending: `3.2`, `6.0`, `teutonic`, … */
  profile?: string;
  /** Id or name. */
  competition?: string | number;
  /** Refuse every connection off this machine. */
  offline?: boolean;
  hubEndpoint?: string;
  onProgress?: (event: Progress) => void;
  signal?: AbortSignal;
}

/** Does `use` at the place that these options mean, and closes it whatever happens. */
export async function at<Result>(
  options: NetworkOptions,
  use: (place: Place) => Promise<Result>,
  wallet?: WalletOptions,
): Promise<Result> {
  const place = openPlace(settingsOf(options, wallet), { env: process.env });
  try {
    return await use(place);
  } finally {
    await place.close();
  }
}

/** Settings as the command would resolve them with these options as flags. */
function settingsOf(options: NetworkOptions, wallet: WalletOptions = {}): Settings {
  const flags = {
    network: options.network,
    netuid: options.netuid,
    profile: options.profile,
    competition: options.competition === undefined ? undefined : String(options.competition),
    offline: options.offline,
    'hub-endpoint': options.hubEndpoint,
    'wallet-name': wallet.name,
    'wallet-hotkey': wallet.hotkey,
    'wallet-path': wallet.path,
  };
  return resolveSettings({ flags, env: process.env, cwd: process.cwd() });
}
