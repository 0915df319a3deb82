import { Cancelled, OutsideError } from '../errors.ts';
import type { Connection } from './connection.ts';
import { isHash, type Session } from './greet.ts';
import { offer } from './offer.ts';
import { pause } from './pause.ts';
import { ConnectionLost, type Rpc } from './rpc.ts';
import type { Runtime } from './runtime.ts';
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
  netuid: number;
  /** Longest time without a new block before the chain counts as standing still. */
  stallMs: number;
  /** Longest time for all of it, whatever the node says about its blocks. */
  totalMs: number;
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
  const { ss58, birth, netuid, stallMs, totalMs, signal } = options;
  const startedAt = performance.now();
  let offeredAt = birth;
  let highest = -1;
  let movedAt = startedAt;
  let refusals = 0;
  let notBefore = 0;
  let mayBeOut = false;
  const hand = async (): Promise<void> => {
    const offered = await offer(connection, signed, { first: !mayBeOut, netuid });
    if (offered !== 'not_now') mayBeOut = true;
    refusals = offered === 'not_now' ? refusals + 1 : 0;
    notBefore = performance.now() + Math.min(500 * 2 ** refusals, 10_000);
  };
  await hand();
  for (let wait = 40; ; wait = Math.min(wait * 1.4, 1500)) {
    await pause(wait, signal).catch(() => {
      throw stopped(signed);
    });
    const now = await connection.read((session) => look(session, ss58));
    const { best } = now;
    if (best > highest) movedAt = performance.now();
    highest = Math.max(highest, best);
    const settledUpTo = Math.max(now.finalized, best - DEEP);
    if (now.nonce > signed.nonce) {
      const used = await connection.read((session) => whereUsed(session, signed, ss58, birth, best));
      // Settled means that no other fork can take it back.
      if (used && used.block <= settledUpTo)
        return used.index === null ? null : { ...used, index: used.index };
      if (!used && settledUpTo >= signed.death) return null;
    } else if (settledUpTo >= signed.death) return null;
    else if (
      best < signed.death &&
      (refusals > 0 ? performance.now() >= notBefore : best >= offeredAt + OFFER_EVERY)
    ) {
      offeredAt = best;
      await hand();
    }
    if (performance.now() - movedAt > stallMs)
      throw stalled(`The chain has made no block for ${Math.round(stallMs / 1000)} s`, signed);
    if (performance.now() - startedAt > totalMs)
      throw stalled(`The chain has not settled it in ${Math.round(totalMs / 1000)} s`, signed);
  }
}

const stalled = (what: string, signed: SignedCall): OutsideError =>
  new OutsideError('chain.stalled', `${what}; the commitment may still get into the next one.`, {
    nextSteps: ['pt upload --resume', 'Try another endpoint: --network ws://HOST:PORT'],
    details: { extrinsicHash: signed.hash },
  });

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
    nonce: nonceIn(runtime, account),
  };
}

/**
 * The first block of the era after `birth` whose state has the nonce used, on the chain as it is now; `index` is null when something else than
 * our extrinsic used it. Null when the nonce is not used in any of these blocks (a fork took it back, or it was used after the era).
 */
async function whereUsed(
  { rpc, runtime }: Session,
  signed: SignedCall,
  ss58: string,
  birth: number,
  best: number,
): Promise<{ block: number; blockHash: string; index: number | null } | null> {
  const last = Math.min(best, signed.death);
  const numbers = Array.from({ length: Math.max(0, last - birth) }, (_, i) => birth + 1 + i);
  if (numbers.length === 0) return null;
  const hashes = await rpc.batch(numbers.map((number) => ['chain_getBlockHash', number] as const));
  if (!hashes.every(isHash)) throw new ConnectionLost('it does not know the hashes of its own blocks');
  const key = runtime.key('System', 'Account', ss58);
  const accounts = await rpc.batch(hashes.map((hash) => ['state_getStorage', key, hash] as const));
  const at = accounts.findIndex((account) => nonceIn(runtime, account) > signed.nonce);
  if (at < 0) return null;
  const index = (await extrinsicsOf(rpc, hashes[at]!)).findIndex(
    (hex) => hashOfExtrinsic(hex) === signed.hash,
  );
  return { block: numbers[at]!, blockHash: hashes[at]!, index: index < 0 ? null : index };
}

/** The extrinsics of a block as `0x…`. */
export async function extrinsicsOf(rpc: Rpc, blockHash: string): Promise<string[]> {
  const [found] = await rpc.batch([['chain_getBlock', blockHash]]);
  const extrinsics = (found as { block?: { extrinsics?: unknown } | null } | null)?.block?.extrinsics;
  if (!Array.isArray(extrinsics) || !extrinsics.every((one) => typeof one === 'string'))
    throw new ConnectionLost('it sent no block');
  return extrinsics;
}

/** The nonce in an account's storage value. */
export function nonceIn(runtime: Runtime, account: unknown): number {
  const { nonce } = runtime.value('System', 'Account', account) ?? {};
  if (!Number.isInteger(nonce)) throw new RangeError('the account has no nonce');
  return nonce;
}
