import { checkEndpoints } from './endpoint.ts';
import type { Chain, ConnectOptions, Hotkey, PasswordSource, WalletLocation } from './types.ts';

// Codecs and ciphers are imported when they are needed: most commands talk to no chain.

export * from './types.ts';

export { addressOf, findHotkeys } from './wallet/find.ts';

/**
 * Opens a hotkey for signing; `password` is asked only when the file is encrypted. Throws `UserError` with exit code 4: `wallet.missing`,
 * `hotkey.missing`, `wallet.unreadable`, `wallet.malformed`, `wallet.password`, `wallet.bad_name`.
 */
export async function openHotkey(location: WalletLocation, password?: PasswordSource): Promise<Hotkey> {
  const room = await import('./wallet/open.ts');
  return room.openHotkey(location, password);
}

/** Makes a throwaway wallet for the sandbox and returns its hotkey; rejects with `EEXIST` when the hotkey is there already. */
export async function createWallet(location: WalletLocation): Promise<Hotkey> {
  const room = await import('./wallet/create.ts');
  return room.createWallet(location);
}

/**
 * Connects to the first endpoint that answers. Throws `UserError` for endpoints that are none or, with `loopbackOnly`, not on this machine
 * (before any name is looked up), and `OutsideError` `chain.unreachable` when none answers in time. Close it when done.
 */
export async function connect(options: ConnectOptions): Promise<Chain> {
  checkEndpoints(options.endpoints, options.loopbackOnly ?? false);
  const { openChain } = await import('./connect.ts');
  return openChain(options);
}
