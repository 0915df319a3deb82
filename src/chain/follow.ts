import { Cancelled, OutsideError } from '../errors.ts';
import type { Connection } from './connection.ts';
import type { Session } from './greet.ts';
import { offer } from './offer.ts';
import { pause } from './pause.ts';
import { ConnectionLost } from './rpc.ts';
import { hashOfExtrinsic, type SignedCall } from './sign.ts';
import { numberOf } from './storage.ts';

/** The block that our extrinsic is in, and its number in there. */
export interface Landing {
  block: number;
  blockHash: string;
  index: number;
}

export interface FollowOptions {
  /** Address of the signer. */
  ss58: string;
  /** The block that the era began at. */
  birth: number;
  /** Longest time without a new block before the chain counts as standing still. */
  stallMs: number;
  signal?: AbortSignal | undefined;
}

/** The same bytes are offered again after so many blocks without them: the pool may have dropped them. */
const OFFER_EVERY = 2;
/** A block this deep counts as settled where the chain finalizes nothing. */
export const DEEP = 10;

/**
 * Offers a signed extrinsic until it is in a settled block. `null`: it never will be, because its era is over or its nonce was used by
 * something else. Everything is polled, so that a reconnect has nothing to restore.
 */
export async function follow(
  connection: Connection,
  signed: SignedCall,
  options: FollowOptions,
): Promise<Landing | null> {
  const { ss58, birth, stallMs, signal } = options;
  let offeredAt = birth;
  let best = -1;
  let movedAt = performance.now();
  await offer(connection, signed, true);
  for (let wait = 40; ; wait = Math.min(wait * 1.4, 1500)) {
    await pause(wait, signal).catch(() => {
      throw stopped(signed);
    });
    const now = await connection.read((session) => look(session, ss58));
    if (now.best !== best) movedAt = performance.now();
    best = now.best;
    const settledUpTo = Math.max(now.finalized, best - DEEP);
    if (now.nonce > signed.nonce) {
      const used = await connection.read((session) => whereUsed(session, signed, ss58, birth, best));
      // Settled means that no other fork can take it back.
      if (used && used.block <= settledUpTo)
        return used.index === null ? null : { ...used, index: used.index };
    } else if (settledUpTo >= signed.death) return null;
    else if (best >= offeredAt + OFFER_EVERY && best < signed.death) {
      offeredAt = best;
      await offer(connection, signed, false);
    }
    if (performance.now() - movedAt > stallMs)
      throw new OutsideError(
        'chain.stalled',
        `The chain has made no block for ${Math.round(stallMs / 1000)} s; the commitment may still get into the next one.`,
        {
          nextSteps: ['pt upload --resume', 'Try another endpoint: --network ws://HOST:PORT'],
          details: { extrinsicHash: signed.hash },
        },
      );
  }
}

const stopped = (signed: SignedCall): Cancelled =>
  new Cancelled('Stopped while the commitment was on its way; the chain may still take it.', {
    nextSteps: ['pt upload --resume'],
    details: { extrinsicHash: signed.hash },
  });

/** Best and final block numbers, and the signer's nonce at the best block. */
async function look(
  { rpc, runtime }: Session,
  ss58: string,
): Promise<{ best: number; finalized: number; nonce: number }> {
  const [best, finalHash, account] = await rpc.batch([
    ['chain_getHeader'],
    ['chain_getFinalizedHead'],
    ['state_getStorage', runtime.key('System', 'Account', ss58)],
  ]);
  const [final] = await rpc.batch([['chain_getHeader', finalHash]]);
  return {
    best: numberOf(best),
    finalized: numberOf(final),
    nonce: Number(runtime.value('System', 'Account', account).nonce),
  };
}

/**
 * The first block after `birth` whose state has the nonce used, on the chain as it is now; `index` is null when something else than our
 * extrinsic used it. Null when the nonce is not used in any of these blocks (a fork took it back).
 */
async function whereUsed(
  { rpc, runtime }: Session,
  signed: SignedCall,
  ss58: string,
  birth: number,
  best: number,
): Promise<{ block: number; blockHash: string; index: number | null } | null> {
  const numbers = Array.from({ length: Math.max(0, best - birth) }, (_, i) => birth + 1 + i);
  if (numbers.length === 0) return null;
  const hashes = (await rpc.batch(
    numbers.map((number) => ['chain_getBlockHash', number] as const),
  )) as string[];
  const key = runtime.key('System', 'Account', ss58);
  const accounts = await rpc.batch(hashes.map((hash) => ['state_getStorage', key, hash] as const));
  const at = accounts.findIndex(
    (account) => runtime.value('System', 'Account', account).nonce > signed.nonce,
  );
  if (at < 0) return null;
  const [found] = await rpc.batch([['chain_getBlock', hashes[at]]]);
  const extrinsics = (found as { block?: { extrinsics?: unknown } } | null)?.block?.extrinsics;
  if (!Array.isArray(extrinsics)) throw new ConnectionLost('it sent no block');
  const index = extrinsics.findIndex((hex) => hashOfExtrinsic(String(hex)) === signed.hash);
  return { block: numbers[at]!, blockHash: hashes[at]!, index: index < 0 ? null : index };
}
