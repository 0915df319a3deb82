import { EXIT, OutsideError, type PtError, UserError } from '../errors.ts';

const limit = (reason: string): PtError =>
  new OutsideError('chain.limit', `The chain refused the commitment: ${reason}.`, {
    exitCode: EXIT.limit,
    nextSteps: ['pt upload --resume --wait', 'pt status --mine'],
  });

const notRegistered = (netuid: number): PtError =>
  new UserError(
    'hotkey.not_registered',
    `The chain does not let this hotkey commit on netuid ${netuid}: it is not registered there.`,
    {
      exitCode: EXIT.wallet,
      nextSteps: [
        `btcli subnet register --netuid ${netuid} --wallet-name NAME --hotkey HOTKEY`,
        'pt wallet list',
      ],
    },
  );

/** Errors of the pallets that a miner can meet, by name. */
const KNOWN: Record<string, (netuid: number) => PtError> = {
  AccountNotAllowedCommit: notRegistered,
  HotKeyNotRegisteredInNetwork: notRegistered,
  HotKeyNotRegisteredInSubNet: notRegistered,
  SpaceLimitExceeded: (netuid) =>
    limit(`this hotkey has used up its space of this epoch on netuid ${netuid}`),
  CommitmentSetRateLimitExceeded: (netuid) => limit(`this hotkey committed on netuid ${netuid} too recently`),
};

/** The error for a call that is in a block and failed there: `pallet` and `name` as the runtime calls them. */
export function dispatchError(pallet: string, name: string, netuid: number): PtError {
  const known = Object.hasOwn(KNOWN, name) ? KNOWN[name] : undefined;
  return (
    known?.(netuid) ??
    new OutsideError('chain.dispatch', `The chain refused the commitment: ${pallet}.${name}.`, {
      nextSteps: ['pt status --mine', 'pt doctor'],
      details: { pallet, error: name },
    })
  );
}

/** Finds out from a block's events whether its extrinsic number `index` failed, and how; null when it did not. */
// biome-ignore lint/suspicious/noExplicitAny: decoded by metadata
export function failureIn(events: any[], index: number): { pallet: string; name: string } | null {
  for (const { phase, event } of events) {
    if (phase?.type !== 'ApplyExtrinsic' || phase.value !== index) continue;
    if (event?.type !== 'System' || event.value?.type !== 'ExtrinsicFailed') continue;
    const error = event.value.value?.dispatch_error;
    // The metadata's module errors are decoded to `{type: pallet, value: {type: error}}`.
    if (error?.type === 'Module')
      return { pallet: String(error.value?.type), name: String(error.value?.value?.type) };
    return { pallet: 'System', name: String(error?.type) };
  }
  return null;
}
