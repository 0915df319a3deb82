import { Cancelled, OutsideError } from '../errors.ts';
import { publicKeyOf } from './address.ts';
import { blockTimeOf } from './block-time.ts';
import { commitText } from './commit.ts';
import { readCommitment, readCommitments } from './commitments.ts';
import { openConnection } from './connection.ts';
import { readCommitLimit } from './limit.ts';
import { readNeurons } from './neurons.ts';
import { pause } from './pause.ts';
import { readBlock, readValue } from './storage.ts';
import { NOTHING, readBeacon, readRoundsAt, readStore, readStoreOf } from './store.ts';
import type { Chain, ConnectOptions } from './types.ts';

const DEFAULT_TIMEOUT_MS = 20_000;
const DEFAULT_STALL_MS = 90_000;
/** A chain may be so many times slower than its runtime says, before a wait for one of its blocks is given up. */
const SLOWNESS = 4;

/** Thirty-two zero bytes: what the runtime answers for a hotkey without an owner. */
const NOBODY = '5C4hrfjw9DjXZTzV3MwzrrAr9P1MJhSrvWGWqi1eSuyUpnhM';

/** Opens a chain; the heavy half of `index.ts`' `connect`, which has checked the endpoints. */
export async function openChain(options: ConnectOptions): Promise<Chain> {
  const { endpoints, cacheDir, timeoutMs = DEFAULT_TIMEOUT_MS, stallMs = DEFAULT_STALL_MS } = options;
  const connection = await openConnection({ endpoints, cacheDir, timeoutMs });
  const isAddress = (hotkey: string): boolean => {
    try {
      return publicKeyOf(hotkey).length === 32;
    } catch {
      return false;
    }
  };
  const blockTimeMs = (): number => blockTimeOf(connection.session().runtime);
  const chain: Chain = {
    get endpoint() {
      return connection.session().rpc.endpoint;
    },
    get genesisHash() {
      return connection.session().genesisHash;
    },
    get specVersion() {
      return connection.session().specVersion;
    },
    get chainName() {
      return connection.session().chainName;
    },
    get blockTimeMs() {
      return blockTimeMs();
    },
    get frames() {
      return connection.frames();
    },
    block: () => readBlock(connection),
    subnetExists: async (netuid) =>
      (await readValue(connection, 'SubtensorModule', 'NetworksAdded', netuid)) === true,
    async uidOf(netuid, hotkey) {
      if (!isAddress(hotkey)) return null;
      return connection.read(async ({ rpc, runtime }) => {
        const [value] = await rpc.batch([
          ['state_getStorage', runtime.key('SubtensorModule', 'Uids', netuid, hotkey)],
        ]);
        const uid: unknown = runtime.value('SubtensorModule', 'Uids', value) ?? null;
        if (uid !== null && !Number.isInteger(uid)) throw new RangeError('the uid is no number');
        return uid as number | null;
      });
    },
    async ownerOf(hotkey) {
      const owner: unknown = isAddress(hotkey)
        ? await readValue(connection, 'SubtensorModule', 'Owner', hotkey)
        : null;
      return typeof owner === 'string' && owner !== NOBODY ? owner : null;
    },
    neurons: (netuid) => readNeurons(connection, netuid),
    commitment: async (netuid, hotkey) =>
      isAddress(hotkey) ? readCommitment(connection, netuid, hotkey) : null,
    commitments: (netuid) => readCommitments(connection, netuid),
    beacon: () => readBeacon(connection),
    roundsAt: (block) => readRoundsAt(connection, block),
    store: (netuid) => readStore(connection, netuid),
    storeOf: async (netuid, hotkey) =>
      isAddress(hotkey) ? readStoreOf(connection, netuid, hotkey) : { ...NOTHING, beacon: null },
    commitLimit: (netuid, hotkey, bytes) => readCommitLimit(connection, netuid, hotkey, bytes),
    commit: (request) => commitText(connection, request, stallMs),
    async waitForBlock(block, signal) {
      const startedAt = performance.now();
      let first: number | null = null;
      let highest = -1;
      let movedAt = startedAt;
      for (;;) {
        if (signal?.aborted) throw new Cancelled();
        const now = await readBlock(connection);
        if (!(now < block)) return now;
        first ??= now;
        if (now > highest) movedAt = performance.now();
        highest = Math.max(highest, now);
        if (performance.now() - movedAt > stallMs)
          throw stalled(`The chain has made no block for ${Math.round(stallMs / 1000)} s.`);
        const longest = stallMs + SLOWNESS * (block - first) * blockTimeMs();
        if (performance.now() - startedAt > longest)
          throw stalled(
            `The chain has not come to block ${block} in ${Math.round(longest / 1000)} s, it says ${now}.`,
          );
        // Half the expected time, so that the last block is met soon after it is made.
        await pause(Math.min(Math.max(((block - now) * blockTimeMs()) / 2, 100), 10_000), signal).catch(
          () => {
            throw new Cancelled();
          },
        );
      }
    },
    async close() {
      connection.close();
    },
  };
  return chain;
}

const stalled = (message: string): OutsideError =>
  new OutsideError('chain.stalled', message, {
    nextSteps: ['pt doctor', 'Try another endpoint: --network ws://HOST:PORT'],
  });
