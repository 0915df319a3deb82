import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { findSealer, openSeal, QUICKNET } from '../bridge/index.ts';
import { createWallet, findHotkeys } from '../chain/index.ts';
import { OutsideError, PtError, UserError } from '../errors.ts';
import { processIdentity } from '../host/process.ts';
import type { Work } from '../progress.ts';
import type { Profile } from '../rules/index.ts';
import type { Opener } from './chain/beacon.ts';
import { type ChainFaults, type ChainSandbox, startChain } from './chain/index.ts';
import { shapeOf } from './chain/pallets.ts';
import { claim } from './claim.ts';
import { startFork } from './fork.ts';
import { type Fault, type SandboxHub, startHub } from './hub/index.ts';
import { readIdentity, writeIdentity } from './identity.ts';
import { play } from './play/play.ts';
import { type SandboxState, stateFile, writeSandboxState } from './state.ts';

export interface SandboxOptions {
  /** Where everything is kept: chain, repositories, wallet, token. */
  dir: string;
  /** Absent: the port of the last start, or a free one. */
  chainPort?: number;
  hubPort?: number;
  /** Subnet of the competition (9). */
  netuid?: number;
  blockTimeMs?: number;
  /** Blocks of an epoch, less one (360): the space of a hotkey's commitments is free again after so many. */
  tempo?: number;
  /** Of the chain's runtime, one of `SPECS`; absent: that of the kept chain. 218 limits commitments by blocks and has a bare u16 for netuid. */
  spec?: number | undefined;
  /** Chopsticks over a real chain's state instead of the embedded chain. */
  fork?: { program: string; endpoint: string; network: string };
  /** The profile that it plays; absent: none, and the newest commitment earns all. */
  plays?: { name: string; profile: Profile; env: NodeJS.ProcessEnv };
  faults?: { chain?: Partial<ChainFaults>; hub?: Fault[] };
}

export interface Sandbox {
  state: SandboxState;
  /** Null with `fork`. */
  chain: ChainSandbox | null;
  hub: SandboxHub;
  close(): Promise<void>;
}

/** Blocks from a sealed commitment to its reveal. */
const REVEAL_BLOCKS = 3;

let sealer: Promise<string> | null = null;

/** Opens seals with the chain's own crate, found or installed at the first one. */
const openWithCrate: Opener = async (seal) => {
  sealer ??= finished(findSealer(process.env));
  sealer.catch(() => {
    sealer = null;
  });
  return openSeal(await sealer, seal);
};

async function finished<Result>(work: Work<Result>): Promise<Result> {
  for (;;) {
    const next = await work.next();
    if (next.done) return next.value;
  }
}

/** The user that the sandbox's token belongs to; it may write to every namespace. */
const USER = 'me';

/**
 * Starts chain and Hub on 127.0.0.1 in this process, with a throwaway wallet that is registered on the subnet and a Hub token.
 * The chain pays all incentive to the newest commitment on it, in the same block: nothing is scored. With `plays` it pays the king of that
 * subnet until `pt sandbox judge` crowns another.
 * Throws `UserError` when the sandbox of `dir` runs already or an asked-for port is taken.
 */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const { dir } = options;
  const identity = readIdentity(dir);
  const lock = claim(dir);
  const playing = options.plays ?? null;
  const netuid = options.netuid ?? playing?.profile.netuid ?? 9;
  let chain: { url: string; port: number; close(): Promise<void> } | null = null;
  let embedded: ChainSandbox | null = null;
  let hub: SandboxHub | null = null;
  try {
    const wallet = await throwawayWallet(dir);
    chain = await listen('chain', options.chainPort, identity.chainPort, async (port) => {
      if (options.fork) return startFork({ ...options.fork, port, dir });
      embedded = await startChain({
        dir: join(dir, 'chain'),
        beacon: { opener: openWithCrate, signature: QUICKNET.signatures[1000], revealBlocks: REVEAL_BLOCKS },
        port,
        netuid,
        ...(playing ? { incentive: 'manual' as const } : {}),
        ...(options.blockTimeMs === undefined ? {} : { blockTimeMs: options.blockTimeMs }),
        ...(options.tempo === undefined ? {} : { tempo: options.tempo }),
        ...(options.spec === undefined ? {} : { shape: shapeOf(options.spec) }),
        ...(options.faults?.chain ? { faults: options.faults.chain } : {}),
      });
      embedded.register(wallet.ss58);
      return embedded;
    });
    hub = await listen('hub', options.hubPort, identity.hubPort, (port) =>
      startHub({
        dir: join(dir, 'hub'),
        port,
        tokens: [{ token: identity.token, user: USER, role: 'write', orgs: ['*'] }],
        ...(options.faults?.hub ? { faults: options.faults.hub } : {}),
      }),
    );
    await writeIdentity(dir, {
      ...identity,
      chainPort: chain.port,
      hubPort: hub.port,
      plays: playing?.name ?? null,
    });
    const state: SandboxState = {
      pid: process.pid,
      identity: processIdentity(process.pid) ?? '',
      startedAt: new Date().toISOString(),
      chain: chain.url,
      hub: hub.url,
      netuid,
      spec: embedded === null ? null : (embedded as ChainSandbox).specVersion,
      fork: options.fork?.network ?? null,
      token: identity.token,
      wallet,
      plays:
        playing && embedded
          ? await play(dir, playing, { chain: embedded, hub: hub.url, token: identity.token })
          : null,
    };
    writeSandboxState(dir, state);
    const [openChain, openHub] = [chain, hub];
    return {
      state,
      chain: embedded,
      hub,
      async close() {
        rmSync(stateFile(dir), { force: true });
        await Promise.all([openChain.close(), openHub.close()]);
        lock.release();
      },
    };
  } catch (error) {
    await Promise.all([chain?.close(), hub?.close()]);
    lock.release();
    throw error;
  }
}

/**
 * The sandbox's own hotkey `default/default`, made on first use. It is worth nothing anywhere else; the user's `~/.bittensor` is never
 * touched.
 */
async function throwawayWallet(dir: string): Promise<SandboxState['wallet']> {
  const location = { path: join(dir, 'wallets'), name: 'default', hotkey: 'default' };
  const found = (await findHotkeys(location.path)).find(({ hotkey }) => hotkey === location.hotkey);
  return { ...location, ss58: found?.ss58 ?? (await createWallet(location)).ss58 };
}

/** Starts a server on the asked-for port; without one on the last port, or any free one when that is taken by now. */
async function listen<Server>(
  what: 'chain' | 'hub',
  asked: number | undefined,
  last: number | null,
  start: (port: number) => Promise<Server>,
): Promise<Server> {
  try {
    return await start(asked ?? last ?? 0);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (error instanceof PtError) throw error;
    if (code !== 'EADDRINUSE' && code !== 'EACCES') throw startFailure(what, error);
    if (asked === undefined) return start(0);
    const why = code === 'EACCES' ? 'may not be used by this user' : 'is in use';
    throw new UserError('sandbox.port_in_use', `--${what}-port ${asked}: this port ${why}.`, {
      nextSteps: [`pt sandbox start   # takes a free port, without --${what}-port`, 'pt sandbox status'],
      cause: error,
    });
  }
}

function startFailure(what: string, error: unknown): OutsideError {
  return new OutsideError(
    'sandbox.start_failed',
    `The sandbox's ${what} did not start: ${(error as Error).message}`,
    {
      nextSteps: ['pt sandbox reset   # begins with an empty one'],
      cause: error,
    },
  );
}
