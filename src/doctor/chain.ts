import { type Chain, findHotkeys } from '../chain/index.ts';
import { PtError } from '../errors.ts';
import type { Place } from '../place.ts';
import { retirement } from '../publish/index.ts';
import type { Settings } from '../settings/index.ts';
import { shellWord } from '../text/shell-word.ts';
import { type Check, failure, ok, skipped, warning } from './types.ts';

/** A chain makes a block in at most 12 s; three times that means it stands still, or the endpoint is behind. */
const FRESH_MS = 36_000;

/** The hotkey's file, the chain's endpoint and whether it moves, and whether the hotkey is registered there. */
export async function checkChain(settings: Settings, place: Place): Promise<Check[]> {
  const { wallet, netuid, offline } = settings;
  const found = await findHotkeys(wallet.path);
  const own = found.find(({ wallet: name, hotkey }) => name === wallet.name && hotkey === wallet.hotkey);
  const checks: Check[] = [];
  const name = `${wallet.name}/${wallet.hotkey}`;
  if (!own) {
    const known = found.slice(0, 4).map((file) => `${file.wallet}/${file.hotkey}`);
    const there = known.length > 0 ? `; found: ${known.join(', ')}` : '';
    const message = `no hotkey ${name} under ${wallet.path}${there}: loading works, publishing does not`;
    checks.push(
      warning('wallet', message, 'pt wallet list', 'btcli wallet create', 'pt sandbox start --detach'),
    );
  } else if (own.worldReadable) {
    checks.push(
      warning('wallet', `others on this machine can read ${own.file}`, `chmod 600 ${shellWord(own.file)}`),
    );
  } else {
    const kind = own.encryption === 'none' ? 'plain file' : `encrypted (${own.encryption})`;
    checks.push(ok('wallet', `${name}, ${own.ss58 ?? 'address not known without its password'}, ${kind}`));
  }
  try {
    const begin = performance.now();
    const chain = await place.chain();
    const { message } = retirement(netuid, { ...place, chain });
    const block = await chain.block();
    const took = Math.round(performance.now() - begin);
    checks.push(
      ok('chain', `${chain.chainName} at ${chain.endpoint}, block ${block}, connected in ${took} ms`),
    );
    checks.push(await freshness(chain, block), await registration(chain, netuid, own?.ss58 ?? null));
    if (message !== null) checks.push(warning('subnet', message, 'README.md, "The state of the network"'));
  } catch (error) {
    if (!(error instanceof PtError)) throw error;
    checks.push((offline ? skipped : failure)('chain', error.message, ...error.nextSteps));
  }
  return checks;
}

async function freshness(chain: Chain, block: number): Promise<Check> {
  const begin = performance.now();
  try {
    await chain.waitForBlock(block + 1, AbortSignal.timeout(FRESH_MS));
    return ok('blocks', `the next one came after ${((performance.now() - begin) / 1000).toFixed(1)} s`);
  } catch {
    return failure(
      'blocks',
      `no new block in ${FRESH_MS / 1000} s: the endpoint is behind or stalled`,
      '--network ws://another-endpoint',
    );
  }
}

async function registration(chain: Chain, netuid: number, ss58: string | null): Promise<Check> {
  if (!(await chain.subnetExists(netuid)))
    return failure('registration', `the chain has no subnet ${netuid}`, '--netuid N');
  if (ss58 === null) return skipped('registration', 'needs a hotkey whose address is known');
  const uid = await chain.uidOf(netuid, ss58);
  return uid === null
    ? warning(
        'registration',
        `the hotkey is not registered on subnet ${netuid}`,
        `btcli subnet register --netuid ${netuid}`,
      )
    : ok('registration', `uid ${uid} on subnet ${netuid}`);
}
