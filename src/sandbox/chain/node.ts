import { randomBytes } from 'node:crypto';
import { compact } from '@polkadot-api/substrate-bindings';
import { type BeaconFaults, type BeaconOptions, createBeacon } from './beacon.ts';
import { toHex } from './bytes.ts';
import { DispatchFailure, dispatch, type PalletEvent } from './dispatch.ts';
import { type Block, type Ledger, openLedger } from './ledger.ts';
import { createRuntime, type Runtime } from './metadata.ts';
import { addFunds, addNeuron, addSubnet, setIncentives } from './neurons.ts';
import type { RuntimeShape } from './pallets.ts';
import { createPool, type Pool, type Waiting } from './pool.ts';
import { openState, type State, ss58 } from './state.ts';

export interface NodeOptions {
  dir: string;
  netuid: number;
  /** 0: a block is made at once for every extrinsic and never otherwise. */
  blockTimeMs: number;
  /** Blocks of an epoch are one more than this, as on the real chain. */
  tempo: number;
  shape: RuntimeShape;
  /** `newest`: the last one who committed earns all; `manual`: only `setIncentive` changes it. */
  incentive: 'newest' | 'manual';
  /** What opens seals; without it they stay sealed. */
  beacon?: BeaconOptions | undefined;
}

/** The chain itself: storage, pool and block making, without any wire. */
export interface Node {
  runtime: Runtime;
  ledger: Ledger;
  state: State;
  pool: Pool;
  options: NodeOptions;
  /** Makes one block out of what waits. */
  seal(): Block;
  /** Calls back after each block; the returned function stops that. */
  onBlock(listener: (block: Block) => void): () => void;
  /** Changes storage as the chain's administrator would, in a block of its own. */
  change(edit: (state: State) => void): Block;
  stop(): void;
  faults: {
    stalled: boolean;
    dropExtrinsics: number;
    clockMs: number;
    holdExtrinsics: boolean;
    beacon: BeaconFaults;
  };
}

const GENESIS_BALANCE = 1_000_000_000_000n;

export function startNode(options: NodeOptions): Node {
  const runtime = createRuntime(options.shape, options.blockTimeMs);
  const ledger = openLedger(options.dir, options.shape, () => genesis(runtime, options));
  const state = openState(ledger, runtime);
  const pool = createPool(ledger, state, runtime);
  const listeners = new Set<(block: Block) => void>();
  const eventsCodec = runtime.codec('Vec<EventRecord>');
  const eventsKey = runtime.builder.buildStorage('System', 'Events').keys.enc();
  const faults = {
    ...{ stalled: false, dropExtrinsics: 0, clockMs: 0, holdExtrinsics: false },
    beacon: { late: false, broken: false, out: false, expired: false, dueAt: null },
  };
  const beacon = options.beacon ? createBeacon(options.shape, options.beacon, faults.beacon) : null;

  const seal = (): Block => {
    const number = ledger.head().number + 1;
    const now = BigInt(Date.now() + faults.clockMs);
    const inherent = inherentTimestamp(runtime, now);
    const taken = faults.holdExtrinsics ? [] : pool.take();
    const events: unknown[] = [record(0, success('Mandatory'))];
    state.set('System', 'Number', [], number);
    state.set('System', 'BlockHash', [number - 1], ledger.head().hash);
    if (number > 256) state.set('System', 'BlockHash', [number - 257], null);
    state.set('Timestamp', 'Now', [], now);
    for (const event of beacon?.open(state, number) ?? [])
      events.push({ phase: { type: 'Initialization', value: undefined }, event, topics: [] });
    let committer: string | null = null;
    for (const [position, entry] of taken.entries()) {
      const account = state.get('System', 'Account', entry.signer);
      state.set('System', 'Account', [entry.signer], { ...account, nonce: account.nonce + 1 });
      const outcome = run(entry, number);
      events.push(...outcome.map((event) => record(position + 1, event)));
      if (outcome.some(({ value }) => /Commitment$/.test(value.type))) committer = entry.signer;
    }
    if (committer && options.incentive === 'newest') payNewest(committer);
    // The builder's own ModuleError codec cannot encode, so the events do not go through `state`.
    ledger.set(eventsKey, toHex(eventsCodec.enc(events)));
    const block = ledger.seal([inherent, ...taken.map(({ hex }) => hex)]);
    for (const { watchers } of taken)
      for (const tell of watchers) {
        tell({ inBlock: block.hash });
        tell({ finalized: block.hash });
      }
    for (const listener of listeners) listener(block);
    return block;

    function record(extrinsic: number, event: PalletEvent) {
      return { phase: { type: 'ApplyExtrinsic', value: extrinsic }, event, topics: [] };
    }
  };

  const run = (entry: Waiting, block: number): PalletEvent[] => {
    try {
      const events = dispatch({ state, shape: options.shape, block }, entry.signer, entry.extrinsic.call);
      return [...events, success('Normal')];
    } catch (error) {
      if (!(error instanceof DispatchFailure)) throw error;
      return [failure(runtime, error)];
    }
  };

  const payNewest = (hotkey: string): void => {
    const uid = state.get('SubtensorModule', 'Uids', options.netuid, hotkey) as number | undefined;
    if (uid !== undefined) setIncentives(state, options.netuid, { [uid]: 1 });
  };

  // The folder may come from a sandbox of another subnet.
  if (!(state.get('SubtensorModule', 'NetworksAdded', options.netuid) as boolean)) {
    addSubnet(state, options.netuid, options.tempo, state.get('SubtensorModule', 'SubnetOwner', 0) as string);
    seal();
  }
  if (beacon) {
    beacon.begin(state);
    seal();
  }
  const timer =
    options.blockTimeMs > 0
      ? setInterval(() => {
          if (!faults.stalled) seal();
        }, options.blockTimeMs)
      : null;
  return {
    runtime,
    ledger,
    state,
    pool,
    options,
    faults,
    seal,
    onBlock(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    change(edit) {
      edit(state);
      return seal();
    },
    stop() {
      if (timer) clearInterval(timer);
      listeners.clear();
    },
  };
}

/** Storage at block 0: the subnet, a validator as uid 0 that nobody holds the key of, and its owner. */
function genesis(runtime: Runtime, { netuid, tempo }: NodeOptions): Map<string, string> {
  const storage = new Map<string, string>();
  const state = openState(
    {
      get: (key) => storage.get(key),
      set: (key, value) => (value === null ? storage.delete(key) : storage.set(key, value)),
    },
    runtime,
  );
  const owner = ss58(randomBytes(32));
  for (const subnet of new Set([0, netuid])) addSubnet(state, subnet, tempo, owner);
  addNeuron(state, netuid, ss58(randomBytes(32)), { block: 0, coldkey: owner, validator: true });
  addFunds(state, owner, GENESIS_BALANCE);
  state.set('System', 'Number', [], 0);
  return storage;
}

function inherentTimestamp(runtime: Runtime, now: bigint): string {
  const call = runtime
    .codec('RuntimeCall')
    .enc({ type: 'Timestamp', value: { type: 'set', value: { now } } });
  const body = Buffer.concat([Buffer.from([4]), call]);
  return toHex(Buffer.concat([compact.enc(body.length), body]));
}

const info = (dispatchClass: string) => ({
  weight: { ref_time: 100_000_000n, proof_size: 0n },
  class: { type: dispatchClass, value: undefined },
  pays_fee: { type: 'No', value: undefined },
});

const success = (dispatchClass: string): PalletEvent => ({
  type: 'System',
  value: { type: 'ExtrinsicSuccess', value: { dispatch_info: info(dispatchClass) } },
});

function failure(runtime: Runtime, { pallet, error }: DispatchFailure): PalletEvent {
  const { index, errors } = runtime.pallets.find(({ name }) => name === pallet)!;
  const code = Object.keys(errors).indexOf(error);
  const module = { index, error: toHex(new Uint8Array([code, 0, 0, 0])) };
  return {
    type: 'System',
    value: {
      type: 'ExtrinsicFailed',
      value: { dispatch_error: { type: 'Module', value: module }, dispatch_info: info('Normal') },
    },
  };
}
