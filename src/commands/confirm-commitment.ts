import { isLoopback } from '../loopback.ts';
import type { PublishPlace, PublishRequest } from '../publish/index.ts';
import type { Settings } from '../settings/index.ts';

/** Bittensor mainnet, by whatever address it is reached. */
const FINNEY_GENESIS = '0x2f0555cc76fc2840a25a6ea3b9637146806f1f44b090c175ffde2a7e5ab36c03';
const RETIRED_NETUID = 9;

/**
 * Asks before a commitment that cannot be taken back: to a subnet that no longer scores this kind of submission, or in the place of
 * another model of the same hotkey. Chains on this machine (sandbox, local) are rehearsals and are not asked about.
 */
export async function confirmCommitment({
  settings,
  request,
  place,
  warn,
  ask,
}: {
  settings: Settings;
  request: Pick<PublishRequest, 'netuid' | 'repo'>;
  place: PublishPlace;
  warn: (text: string) => void;
  ask: (question: string) => Promise<void>;
}): Promise<void> {
  const { chain, hotkey } = place;
  const isFinney = chain.genesisHash.toLowerCase() === FINNEY_GENESIS;
  if (settings.network.retired || (isFinney && request.netuid === RETIRED_NETUID)) {
    warn(
      `Subnet ${request.netuid} of Bittensor's mainnet moved to another mechanism in June 2025 and no longer scores submissions of this kind.`,
    );
    await ask(`Commit ${request.repo} to it all the same?`);
    return;
  }
  if (isLoopback(chain.endpoint)) return;
  const current = await chain.commitment(request.netuid, hotkey.ss58);
  const replaces = current === null ? '' : `, in place of its commitment of block ${current.block}`;
  await ask(
    `Commit ${request.repo} to subnet ${request.netuid} of ${chain.endpoint} as ${hotkey.ss58}${replaces}?`,
  );
}
