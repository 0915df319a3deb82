import type { CommitLimit } from '../chain/types.ts';
import { EXIT, OutsideError } from '../errors.ts';
import { note, type Work } from '../progress.ts';
import type { Opened, PublishRequest } from './types.ts';

/** Reads the chain's limit; throws exit 6 with `retryAt` when it is used up. */
export async function checkLimit(request: PublishRequest, place: Opened, bytes: number): Promise<void> {
  const limit = await place.chain.commitLimit(request.netuid, place.hotkey.ss58, bytes);
  if (limit.allowed) return;
  const block = await place.chain.block();
  throw new OutsideError(
    'chain.limit',
    `${describe(limit)} It frees at block ${limit.freeAtBlock} (now ${block}).`,
    {
      exitCode: EXIT.limit,
      details: { ...limit, block, retryAt: timeOf(limit.freeAtBlock, block, place.chain.blockTimeMs) },
      nextSteps: ['pt upload --resume --wait   # waits for it', 'pt status --mine'],
    },
  );
}

/** How often the limit may be used up anew, by another machine with this hotkey, before `--wait` gives up. */
const RENEWALS = 3;
/** The longest that a limit can last: an epoch, whose length the chain keeps in 16 bits. A node that says more is not waited for. */
const LONGEST_BLOCKS = 1 << 16;

/**
 * With `--wait`: returns when the chain allows a commitment of this size; else throws as `checkLimit`. It says until which block it waits,
 * and ends when that block came `RENEWALS` times and somebody else had used up the limit again, or is further away than any limit lasts.
 */
export async function* awaitLimit(request: PublishRequest, place: Opened, bytes: number): Work<void> {
  if (!request.wait) return checkLimit(request, place, bytes);
  const start = await place.chain.block();
  let announced = -1;
  let renewals = 0;
  for (let block = start; ; ) {
    const limit = await place.chain.commitLimit(request.netuid, place.hotkey.ss58, bytes);
    if (limit.allowed) return;
    if (block > announced) {
      renewals += 1;
      if (renewals > RENEWALS || limit.freeAtBlock - block > LONGEST_BLOCKS)
        return checkLimit(request, place, bytes);
      announced = limit.freeAtBlock;
      const when = timeOf(limit.freeAtBlock, block, place.chain.blockTimeMs);
      const message = `${describe(limit)} Waiting for block ${limit.freeAtBlock} (now ${block}), about ${when}.`;
      yield note(message);
    }
    yield {
      kind: 'progress',
      phase: 'waiting for the commit limit',
      done: Math.max(0, block - start),
      total: Math.max(1, limit.freeAtBlock - start),
      unit: 'blocks',
    };
    block = await place.chain.waitForBlock(block + 1, request.signal);
  }
}

function describe(limit: CommitLimit): string {
  return limit.kind === 'space'
    ? `This hotkey has used ${limit.used} of the ${limit.max} bytes that an epoch allows for commitments.`
    : `This hotkey committed ${limit.used} blocks ago; the chain wants ${limit.max} blocks between commitments.`;
}

/** ISO time of a block to come, estimated from the chain's time between blocks. */
export function timeOf(block: number, current: number, blockTimeMs: number, now = Date.now()): string {
  // The block is the node's word; no clock goes further than this.
  return new Date(Math.min(now + Math.max(0, block - current) * blockTimeMs, 8.64e15)).toISOString();
}
