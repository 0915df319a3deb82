import { addNeuron } from './neurons.ts';
import { isOld, type RuntimeShape } from './pallets.ts';
import { epochIndex, type State } from './state.ts';

/** A call failed in the way the pallet declares. */
export class DispatchFailure extends Error {
  readonly pallet: string;
  readonly error: string;

  constructor(pallet: string, error: string) {
    super(`${pallet}.${error}`);
    this.pallet = pallet;
    this.error = error;
  }
}

/** An event to put into the block: `{type: pallet, value: {type: event, value}}`. */
export interface PalletEvent {
  type: string;
  value: { type: string; value: unknown };
}

// biome-ignore lint/suspicious/noExplicitAny: arguments are decoded by the metadata
type Args = any;

/** Runs one call as `signer`; returns its events or throws `DispatchFailure`, having changed nothing. */
export function dispatch(
  { state, shape, block }: { state: State; shape: RuntimeShape; block: number },
  signer: string,
  call: { type: string; value: { type: string; value: Args } },
): PalletEvent[] {
  const name = `${call.type}.${call.value.type}`;
  const args = call.value.value;
  if (name === 'System.remark') return [];
  if (name === 'Commitments.set_commitment') return setCommitment(state, shape, signer, block, args);
  if (name === 'SubtensorModule.burned_register') return burnedRegister(state, signer, block, args);
  throw new DispatchFailure('System', 'CallFiltered');
}

export interface DataField {
  type: string;
  // biome-ignore lint/suspicious/noExplicitAny: decoded by the metadata
  value?: any;
}

/** Of bytes as codecs give them: themselves, or hex. */
const lengthOf = (bytes: unknown): number =>
  bytes instanceof Uint8Array ? bytes.length : (String(bytes).length - 2) / 2;

/** Bytes that a field counts for: raw data its length, a seal that of its ciphertext, a hash 32, nothing 0. */
function spaceOf({ type, value }: DataField): number {
  if (type === 'TimelockEncrypted') return lengthOf(value.encrypted);
  if (type === 'BigRaw') return lengthOf(value);
  if (type.startsWith('Raw')) return Number(type.slice(3));
  return type === 'None' || type === 'ResetBondsFlag' ? 0 : 32;
}

/** Bytes that fit into the two fields of any length; an extrinsic with more does not decode. */
const LONGEST: Record<string, number> = { TimelockEncrypted: 1024, BigRaw: 512 };

export function fitsField(field: DataField): boolean {
  return spaceOf(field) <= (LONGEST[field.type] ?? Number.POSITIVE_INFINITY);
}

function setCommitment(
  state: State,
  shape: RuntimeShape,
  who: string,
  block: number,
  { netuid, info }: { netuid: number; info: DataField[] },
): PalletEvent[] {
  const fail = (error: string): never => {
    throw new DispatchFailure('Commitments', error);
  };
  if (!(state.get('SubtensorModule', 'IsNetworkMember', who, netuid) as boolean))
    fail('AccountNotAllowedCommit');
  if (info.some(({ type }) => type === 'TimelockRevealFailed')) fail('TimelockRevealFailedNotAllowed');
  if (info.length > (isOld(shape) ? 1 : 3)) fail('TooManyFieldsInCommitmentInfo');
  if (isOld(shape)) {
    const limit = state.get('Commitments', 'RateLimit') as number;
    const last = state.get('Commitments', 'LastCommitment', netuid, who) as number | undefined;
    if (last !== undefined && block < last + limit) fail('CommitmentSetRateLimitExceeded');
  } else {
    const tempo = state.get('SubtensorModule', 'Tempo', netuid) as number;
    const epoch = BigInt(epochIndex(netuid, tempo, block));
    const usage = state.get('Commitments', 'UsedSpaceOf', netuid, who) as
      | { last_epoch: bigint; used_space: bigint }
      | undefined;
    const before = usage?.last_epoch === epoch ? usage.used_space : 0n;
    const used =
      before +
      BigInt(
        Math.max(
          100,
          info.map(spaceOf).reduce((a, b) => a + b, 0),
        ),
      );
    if (used > BigInt(state.get('Commitments', 'MaxSpace') as number)) fail('SpaceLimitExceeded');
    state.set('Commitments', 'UsedSpaceOf', [netuid, who], { last_epoch: epoch, used_space: used });
  }
  state.set('Commitments', 'CommitmentOf', [netuid, who], { deposit: 0n, block, info });
  state.set('Commitments', 'LastCommitment', [netuid, who], block);
  const others = (state.get('Commitments', 'TimelockedIndex') as [number, string][]).filter(
    ([subnet, hotkey]) => subnet !== netuid || hotkey !== who,
  );
  const sealed = info.find(({ type }) => type === 'TimelockEncrypted');
  state.set('Commitments', 'TimelockedIndex', [], sealed ? [...others, [netuid, who]] : others);
  const event = sealed
    ? { type: 'TimelockCommitment', value: { netuid, who, reveal_round: sealed.value.reveal_round } }
    : { type: 'Commitment', value: { netuid, who } };
  return [{ type: 'Commitments', value: event }];
}

function burnedRegister(
  state: State,
  coldkey: string,
  block: number,
  { netuid, hotkey }: { netuid: number; hotkey: string },
): PalletEvent[] {
  const fail = (error: string): never => {
    throw new DispatchFailure('SubtensorModule', error);
  };
  if (!(state.get('SubtensorModule', 'NetworksAdded', netuid) as boolean)) fail('SubnetNotExists');
  if (state.get('SubtensorModule', 'Uids', netuid, hotkey) !== undefined)
    fail('HotKeyAlreadyRegisteredInSubNet');
  const count = state.get('SubtensorModule', 'SubnetworkN', netuid) as number;
  if (count >= (state.get('SubtensorModule', 'MaxAllowedUids', netuid) as number))
    fail('TooManyRegistrationsThisBlock');
  const burn = state.get('SubtensorModule', 'Burn', netuid) as bigint;
  const account = state.get('System', 'Account', coldkey);
  if (account.data.free < burn) fail('NotEnoughBalanceToStake');
  account.data.free -= burn;
  state.set('System', 'Account', [coldkey], account);
  const uid = addNeuron(state, netuid, hotkey, { block, coldkey });
  return [
    { type: 'Balances', value: { type: 'Withdraw', value: { who: coldkey, amount: burn } } },
    { type: 'SubtensorModule', value: { type: 'NeuronRegistered', value: [netuid, uid, hotkey] } },
  ];
}
