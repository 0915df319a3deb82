import { checkAccount, openPublishPlace, type PublishPlace, type PublishRequest } from '../publish/index.ts';
import type { Settings } from '../settings/index.ts';
import type { PublishIntent } from '../training/index.ts';
import { askPassword } from '../ui/index.ts';

/** What the flags of `pt train` say about the publish at its end. */
export interface PublishSwitches {
  'use-hotkey-in-hash'?: boolean;
  'update-repo-visibility'?: boolean;
}

/** Opens chain, Hub and hotkey for a publish of `intent`; the caller closes it. */
export function openPlace(settings: Settings): Promise<PublishPlace & { close(): Promise<void> }> {
  return openPublishPlace(settings, () => askPassword(`Password of hotkey ${settings.wallet.hotkey}:`));
}

/** Refuses now what could not be published hours later: token, repository id, registration. Throws as `publish` does. */
export async function checkEarly(
  settings: Settings,
  intent: PublishIntent,
  switches: PublishSwitches,
): Promise<void> {
  const place = await openPlace(settings);
  try {
    await checkAccount(requestFor(settings, intent, '', switches), place);
  } finally {
    await place.close();
  }
}

export function requestFor(
  settings: Settings,
  intent: PublishIntent,
  dir: string,
  switches: PublishSwitches,
  signal?: AbortSignal,
): PublishRequest {
  return {
    source: { kind: 'folder', dir, dtype: intent.dtype },
    repo: intent.repo,
    netuid: settings.netuid,
    competition: settings.competition,
    useHotkeyInHash: switches['use-hotkey-in-hash'] ?? false,
    makePublic: switches['update-repo-visibility'] !== false,
    publicUpload: false,
    wait: false,
    restart: false,
    ...(signal === undefined ? {} : { signal }),
  };
}
