import { OutsideError } from '../errors.ts';
import type { Connection } from './connection.ts';
import { ConnectionLost, RpcError } from './rpc.ts';
import type { SignedCall } from './sign.ts';

/** Codes of a node's transaction pool. */
const POOL = { invalid: 1010, undecodable: 1002 } as const;
/** `Invalid Transaction` reasons that only say that this nonce or era is over, which the chain's state will tell anyway. */
const OVER = /outdated|stale|ancient|future/i;

/**
 * Hands a signed extrinsic to the node. Handing over the same bytes twice is harmless, so a broken connection, "already imported",
 * "temporarily banned" or a full pool are nothing to stop for: whoever follows the chain sees what became of it.
 * Throws `OutsideError` when the node says that these bytes can never be valid (`first`: they were not handed over before).
 */
export async function offer(connection: Connection, signed: SignedCall, first: boolean): Promise<void> {
  try {
    await connection.once(['author_submitExtrinsic', signed.hex]);
  } catch (error) {
    if (error instanceof ConnectionLost) return;
    if (!(error instanceof RpcError)) throw error;
    const hopeless =
      error.rpcCode === POOL.undecodable || (error.rpcCode === POOL.invalid && !OVER.test(error.message));
    if (first && hopeless)
      throw new OutsideError('chain.rejected', `The chain does not take the commitment: ${error.message}.`, {
        cause: error,
        nextSteps: ['pt doctor', 'pt status --mine', 'Try another endpoint: --network ws://HOST:PORT'],
        details: { extrinsicHash: signed.hash },
      });
  }
}
