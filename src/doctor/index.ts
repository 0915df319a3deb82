import type { Place } from '../place.ts';
import { sandboxDir, sandboxStatus } from '../sandbox/index.ts';
import type { Settings } from '../settings/index.ts';
import { checkChain } from './chain.ts';
import { checkHub } from './hub.ts';
import { checkDisk, checkName, checkNode } from './machine.ts';
import { checkPython } from './python.ts';
import { type Check, failure, ok } from './types.ts';

export type { Check, CheckStatus } from './types.ts';

/**
 * Looks at everything that `pt` needs, at the same time; never throws for what is wrong with the machine or the network. `userHome` is
 * shown as `~`, so that the result can be pasted anywhere.
 */
export async function examine(
  settings: Settings,
  place: Place,
  { env, userHome }: { env: NodeJS.ProcessEnv; userHome: string },
): Promise<Check[]> {
  const groups = await Promise.all([
    guard('Node', async () => [checkNode()]),
    guard('command', async () => [checkName(env)]),
    guard('disk', async () => [await checkDisk(settings)]),
    guard('Python', () => checkPython(settings, env)),
    guard('Hub', () => checkHub(settings, place)),
    guard('chain', () => checkChain(settings, place)),
    guard('sandbox', () => checkSandbox(settings.home)),
  ]);
  const homely = (text: string) => (userHome === '/' ? text : text.replaceAll(userHome, '~'));
  return groups.flat().map((check) => ({
    ...check,
    message: homely(check.message),
    nextSteps: check.nextSteps.map(homely),
  }));
}

async function checkSandbox(home: string): Promise<Check[]> {
  const running = await sandboxStatus(sandboxDir(home));
  if (running === null) return [ok('sandbox', 'not running (pt sandbox start --detach)')];
  const { chain, hub, block } = running;
  if (block === null)
    return [failure('sandbox', `${chain} does not answer`, 'pt sandbox stop', 'pt sandbox start --detach')];
  return [ok('sandbox', `running: ${chain}, ${hub}, block ${block}`)];
}

/** A check that breaks is itself a finding; the others go on. */
async function guard(name: string, look: () => Promise<Check[]>): Promise<Check[]> {
  try {
    return await look();
  } catch (error) {
    return [
      failure(name, `could not be looked at: ${error instanceof Error ? error.message : String(error)}`),
    ];
  }
}
