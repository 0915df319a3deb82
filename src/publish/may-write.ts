import type { Commitment } from '../chain/types.ts';
import { networkOf } from '../constants.ts';
import { OutsideError } from '../errors.ts';
import { isLoopback } from '../loopback.ts';
import { note, type Work, warning } from '../progress.ts';
import { sideBySide } from './replaced.ts';
import type { Opened, PublishRequest, WriteQuestion } from './types.ts';

/**
 * Whether this chain may be written to: every publish passes here, before its first byte. What ends something cannot be taken back: a
 * commitment to a subnet that no longer scores this kind of submission, or in the place of another one. It is said and asked about
 * (`request.ask`, which throws to refuse).
 *
 * What chain it is, its genesis says: a node of mainnet on this machine is mainnet. A chain on this machine that no network's genesis
 * knows is a rehearsal (sandbox, local), and only what replaces another commitment is asked about. What is replaced is shown beside what
 * takes its place; what `goesOn` knows as its own, of earlier tries of the same publish, it does not replace but go on with.
 *
 * Gives the commitment that there is, which is the one that was asked about. Throws `chain.wrong_network` when the chain is not the one that
 * was named.
 */
export async function* mayWrite(
  request: Pick<PublishRequest, 'netuid' | 'repo' | 'ask' | 'worth'>,
  place: Opened,
  goesOn: (standing: Commitment) => boolean | Promise<boolean> = () => false,
): Work<Commitment | null> {
  const { netuid, repo, ask } = request;
  const { chain, hotkey, networks, network } = place;
  refuseWrongNetwork(place);
  const known = networkOf(networks, chain.genesisHash);
  const { retired, message } = retirement(netuid, { chain, networks, network });
  if (message !== null) yield warning(message);
  const current = await chain.commitment(netuid, hotkey.ss58);
  const rehearsal = known === null && !retired && isLoopback(chain.endpoint);
  const replaced = current !== null && (await goesOn(current)) ? null : current;
  if (rehearsal && replaced === null) return current;
  if (replaced !== null) yield note(await sideBySide(replaced, request, place));
  const replaces = replaced === null ? '' : `, in place of its commitment of block ${replaced.block}`;
  const question: WriteQuestion = {
    text: `Commit ${repo} to subnet ${netuid} of ${chain.endpoint}${retired ? ' all the same,' : ''} as ${hotkey.ss58}${replaces}?`,
    verdict: null,
    retired,
    replaces: replaced?.block ?? null,
    rehearsal,
  };
  await ask(question);
  return current;
}

/** Throws `chain.wrong_network` when the chain is not the one that was named. */
export function refuseWrongNetwork({ networks, network, chain }: Opened): void {
  const genesis = networks[network]?.genesis;
  if (genesis && genesis !== chain.genesisHash) throw wrongNetwork(network, chain);
}

function wrongNetwork(network: string, { endpoint, genesisHash }: Opened['chain']): OutsideError {
  return new OutsideError(
    'chain.wrong_network',
    `${endpoint} is not the network ${network}: its chain begins with another block (${genesisHash}). Nothing was signed.`,
    {
      nextSteps: [
        'Look at the endpoints of that network: pt config show',
        `--network ${endpoint}   # if this chain is the one that you mean`,
      ],
    },
  );
}

/** Whether the subnet no longer scores this kind of submission, by genesis or by the network's name, and what to say about it. */
export function retirement(
  netuid: number,
  { chain, networks, network }: Pick<Opened, 'chain' | 'networks' | 'network'>,
): { retired: boolean; message: string | null } {
  const where = [networkOf(networks, chain.genesisHash), networks[network]].find((each) =>
    each?.retired_netuids.includes(netuid),
  );
  return where
    ? {
        retired: true,
        message: `Subnet ${netuid} of ${where.about} moved to another mechanism and no longer scores submissions of this kind.`,
      }
    : { retired: false, message: null };
}
