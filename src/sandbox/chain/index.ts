import { type Admin, createAdmin } from './admin.ts';
import type { ChainFaults } from './faults.ts';
import { keptShape } from './ledger.ts';
import { type NodeOptions, startNode } from './node.ts';
import type { RuntimeShape } from './pallets.ts';
import { serve } from './server.ts';

export type { Admin } from './admin.ts';
export type { ChainFaults } from './faults.ts';

export interface ChainSandboxOptions extends Partial<Omit<NodeOptions, 'dir' | 'shape'>> {
  /** Folder of the chain's state; made when it is missing. */
  dir: string;
  /** Absent: that of the chain in `dir`, or the current one for a new chain. */
  shape?: RuntimeShape;
  /** 0 (the default) takes a free port. */
  port?: number;
  faults?: Partial<ChainFaults>;
}

/** A running sandbox chain. */
export interface ChainSandbox extends Admin {
  /** `ws://127.0.0.1:PORT` */
  url: string;
  port: number;
  netuid: number;
  /** Of its runtime. */
  specVersion: number;
  /** Number of the newest block. */
  block(): number;
  close(): Promise<void>;
}

/**
 * Starts a Substrate-like node on 127.0.0.1 that real clients can use: own metadata, real signatures, nonces, eras, limits, events, typed
 * errors. State lives in `dir` and survives being killed at any moment. Throws the operating system's error when the port is taken.
 */
export async function startChain(options: ChainSandboxOptions): Promise<ChainSandbox> {
  const node = startNode({
    dir: options.dir,
    netuid: options.netuid ?? 9,
    blockTimeMs: options.blockTimeMs ?? 1000,
    tempo: options.tempo ?? 360,
    shape: options.shape ?? keptShape(options.dir) ?? 'current',
    incentive: options.incentive ?? 'newest',
    beacon: options.beacon,
  });
  const admin = createAdmin(node);
  if (options.faults) admin.setFaults(options.faults);
  try {
    const { port, close } = await serve(node, admin, options.port ?? 0);
    return {
      ...admin,
      url: `ws://127.0.0.1:${port}`,
      port,
      netuid: node.options.netuid,
      specVersion: node.runtime.specVersion,
      block: () => node.ledger.head().number,
      async close() {
        node.stop();
        await close();
      },
    };
  } catch (error) {
    node.stop();
    throw error;
  }
}
