import { checkEndpoints } from './endpoint.ts';
import type { Chain, ConnectOptions } from './types.ts';

export * from './types.ts';

export { createWallet } from './wallet/create.ts';
export { findHotkeys } from './wallet/find.ts';
export { openHotkey } from './wallet/open.ts';

/**
 * Connects to the first endpoint that answers. Throws `UserError` for endpoints that are none or, with `loopbackOnly`, not on this machine
 * (before any name is looked up), and `OutsideError` `chain.unreachable` when none answers in time. Close it when done.
 */
export async function connect(options: ConnectOptions): Promise<Chain> {
  checkEndpoints(options.endpoints, options.loopbackOnly ?? false);
  // The codecs are heavy, and most commands talk to no chain.
  const { openChain } = await import('./connect.ts');
  return openChain(options);
}
