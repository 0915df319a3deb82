import { lookup } from 'node:dns/promises';
import { UserError } from '../errors.ts';

/**
 * Refuses a meeting point whose host has no address: torch would try it for two minutes without a word.
 * @throws UserError `usage.machines`
 */
export async function refuseUnknownHost(endpoint: string | undefined): Promise<void> {
  const host = /^\[?([^\]]+)\]?:\d+$/.exec(endpoint ?? '')?.[1];
  if (host === undefined) return;
  try {
    await lookup(host);
  } catch (error) {
    const { code = 'no answer' } = error as NodeJS.ErrnoException;
    throw new UserError(
      'usage.machines',
      `--rdzv-endpoint ${endpoint}: no machine ${host} is found (${code}).`,
      {
        nextSteps: ['pt train --rdzv-endpoint HOST:29500', `getent hosts ${host}`],
        cause: error,
      },
    );
  }
}
