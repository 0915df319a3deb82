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
      node.faults.beacon.late = faults.beaconLate;
      node.faults.beacon.broken = faults.sealsBroken;
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
    sandbox_fund: ([address, rao]) => done(() => admin.fund(address, BigInt(rao))),
    sandbox_seal: () => done(() => admin.seal()),
  };
}
