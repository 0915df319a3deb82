import { appendRevealed } from './beacon.ts';
import { fromHex, toHex } from './bytes.ts';
import { type ChainFaults, noFaults } from './faults.ts';
import type { Method } from './methods.ts';
import { addFunds, addNeuron, setIncentives } from './neurons.ts';
import type { Node } from './node.ts';

/** What the sandbox's owner may do to its chain; also over the wire as `sandbox_*`, which is how other processes inject faults. */
export interface Admin {
  readonly faults: ChainFaults;
  /** Replaces the faults; whatever is not given is off. */
  setFaults(faults: Partial<ChainFaults>): void;
  /** Registers a hotkey (SS58) and returns its uid; the one that it has when it is registered already. */
  register(hotkey: string, options?: { netuid?: number; coldkey?: string; validator?: boolean }): number;
  /** Sets all incentives: shares (0..1) by uid. */
  setIncentive(shares: Record<number, number>, netuid?: number): void;
  /** Writes a plain commitment, as the hotkey itself would. */
  write(hotkey: string, text: string): void;
  /** Puts bytes among the texts that the chain has opened of a hotkey. */
  reveal(hotkey: string, bytes: Uint8Array): void;
  /** Adds rao to an account. */
  fund(address: string, rao: bigint): void;
  /** Makes a block now. */
  seal(): void;
}

export function createAdmin(node: Node): Admin {
  const faults = noFaults();
  const { netuid: ownNetuid } = node.options;
  return {
    faults,
    setFaults(given) {
      Object.assign(faults, noFaults(), given);
      node.faults.stalled = faults.stalled;
      node.faults.dropExtrinsics = faults.dropExtrinsics;
      node.faults.clockMs = faults.clockMs;
      node.faults.beacon.late = faults.beaconLate;
      node.faults.beacon.broken = faults.sealsBroken;
      node.faults.beacon.out = faults.roundOut || faults.pulseExpired;
      node.faults.beacon.expired = faults.pulseExpired;
      node.faults.beacon.dueAt = faults.dueInSeconds > 0 ? Date.now() / 1000 + faults.dueInSeconds : null;
      node.faults.holdExtrinsics = faults.holdExtrinsics;
    },
    register(hotkey, { netuid = ownNetuid, ...options } = {}) {
      let uid = -1;
      node.change((state) => {
        uid = addNeuron(state, netuid, hotkey, { block: node.ledger.head().number + 1, ...options });
      });
      return uid;
    },
    setIncentive(shares, netuid = ownNetuid) {
      node.change((state) => setIncentives(state, netuid, shares));
    },
    write(hotkey, text) {
      const bytes = Buffer.from(text, 'utf8');
      const block = node.ledger.head().number + 1;
      const field =
        bytes.length > 128
          ? { type: 'BigRaw', value: new Uint8Array(bytes) }
          : { type: `Raw${bytes.length}`, value: toHex(new Uint8Array(bytes)) };
      node.change((state) => {
        state.set('Commitments', 'CommitmentOf', [ownNetuid, hotkey], { deposit: 0n, block, info: [field] });
        state.set('Commitments', 'LastCommitment', [ownNetuid, hotkey], block);
      });
    },
    reveal(hotkey, bytes) {
      const block = node.ledger.head().number + 1;
      node.change((state) => {
        appendRevealed(state, ownNetuid, hotkey, [bytes], block);
        state.set('Commitments', 'LastCommitment', [ownNetuid, hotkey], block);
      });
    },
    fund(address, rao) {
      node.change((state) => addFunds(state, address, rao));
    },
    seal() {
      node.seal();
    },
  };
}

/** The admin over JSON-RPC. */
export function adminMethods(admin: Admin): Record<string, Method> {
  const done = (work: () => void): true => {
    work();
    return true;
  };
  return {
    sandbox_setFaults: ([faults]) => done(() => admin.setFaults(faults ?? {})),
    sandbox_register: ([hotkey, options]) => admin.register(hotkey, options ?? {}),
    sandbox_setIncentive: ([shares, netuid]) => done(() => admin.setIncentive(shares, netuid)),
    sandbox_reveal: ([hotkey, bytes]) => done(() => admin.reveal(hotkey, fromHex(bytes))),
    sandbox_fund: ([address, rao]) => done(() => admin.fund(address, BigInt(rao))),
    sandbox_seal: () => done(() => admin.seal()),
  };
}
