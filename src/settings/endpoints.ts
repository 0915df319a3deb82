import { join } from 'node:path';
import type { ConnectOptions } from '../chain/types.ts';
import { EXIT, UserError } from '../errors.ts';
import type { HubOptions } from '../hub/types.ts';
import { isLoopback } from '../loopback.ts';
import { sandboxNotRunning } from './resolve.ts';
import type { Settings } from './types.ts';

/** How to reach the chain. Throws when the sandbox is meant and does not run, or `--offline` forbids every endpoint. */
export function chainOptions(settings: Settings): ConnectOptions {
  const { network, offline } = settings;
  if (network.endpoints.length === 0) throw sandboxNotRunning();
  const endpoints = offline
    ? network.endpoints.filter((endpoint) => isLoopback(endpoint))
    : network.endpoints;
  if (endpoints.length === 0) throw offlineRefuses(`the chain ${network.name}`);
  return { endpoints, cacheDir: join(settings.home, 'cache', 'chain'), loopbackOnly: offline };
}

/** How to reach the Hub. With `needToken` a missing token is an error (exit 4). */
export function hubOptions(settings: Settings, options: { needToken?: boolean } = {}): HubOptions {
  const { hub, offline } = settings;
  if (hub.endpoint === null) throw sandboxNotRunning();
  if (offline && !isLoopback(hub.endpoint)) throw offlineRefuses(`the Hub ${hub.endpoint}`);
  if (options.needToken && hub.token === null) {
    throw new UserError('token.missing', 'No Hub token: HF_ACCESS_TOKEN is not set.', {
      exitCode: EXIT.wallet,
      nextSteps: [
        'Put HF_ACCESS_TOKEN=… (a token with write access) into .env or the environment.',
        'hf auth login',
      ],
    });
  }
  return {
    endpoint: hub.endpoint,
    loopbackOnly: offline,
    ...(hub.token ? { token: hub.token } : {}),
  };
}

function offlineRefuses(what: string): UserError {
  return new UserError('offline.refused', `--offline: ${what} is not on this machine.`, {
    nextSteps: ['Leave out --offline, or use --network sandbox.'],
  });
}
