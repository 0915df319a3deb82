import { UserError } from '../errors.ts';
import { isLoopback } from '../loopback.ts';

/** Checks the endpoints before any socket is opened: `ws://` or `wss://`, and on this machine when `loopbackOnly`. */
export function checkEndpoints(endpoints: string[], loopbackOnly: boolean): void {
  if (endpoints.length === 0)
    throw new UserError('chain.no_endpoint', 'No chain endpoint is configured.', {
      nextSteps: ['Name one: `--network finney`, `--network sandbox` or `--network ws://HOST:PORT`.'],
    });
  for (const endpoint of endpoints) {
    let url: URL;
    try {
      url = new URL(endpoint);
    } catch (cause) {
      throw badEndpoint(endpoint, { cause });
    }
    if (url.protocol !== 'ws:' && url.protocol !== 'wss:') throw badEndpoint(endpoint);
    if (loopbackOnly && !isLoopback(endpoint))
      throw new UserError(
        'chain.offline',
        `Offline mode opens no connection off this machine, and the chain endpoint ${endpoint} is elsewhere.`,
        { nextSteps: ['Leave `--offline` away, or use `--network sandbox`.'] },
      );
  }
}

const badEndpoint = (endpoint: string, options: { cause?: unknown } = {}): UserError =>
  new UserError(
    'chain.bad_endpoint',
    `"${endpoint}" is not a chain endpoint: it must begin with ws:// or wss://.`,
    { ...options, nextSteps: ['Use `--network finney|test|local|sandbox` or `--network ws://HOST:PORT`.'] },
  );
