import { OutsideError } from '../errors.ts';
import { poolError, type Refusal, refusalOf } from './answers.ts';
import type { Connection } from './connection.ts';
import { ConnectionLost, RpcError } from './rpc.ts';
import type { SignedCall } from './sign.ts';

/** The runtime cannot take this signature and can take another one of the same call. Nothing was handed over. */
export class SignAgain extends Error {
  readonly reason: 'no_digest' | 'refuted';

  constructor(reason: 'no_digest' | 'refuted', cause: Error) {
    super(cause.message, { cause });
    this.reason = reason;
  }
}

/** What became of an offer: the node has the bytes, or may have them, or has not taken them now. */
export type Offered = 'given' | 'unknown' | 'not_now';

/**
 * Hands a signed extrinsic to the node. Handing over the same bytes twice is harmless, so a broken connection, "already imported", a rate
 * limit or a full pool are nothing to stop for: whoever follows the chain sees what became of it.
 * Throws when the node says that these bytes can never be valid and nobody can have taken them before (`first`).
 */
export async function offer(
  connection: Connection,
  signed: SignedCall,
  { first, netuid }: { first: boolean; netuid: number },
): Promise<Offered> {
  let answer: RpcError;
  try {
    await connection.once(['author_submitExtrinsic', signed.hex]);
    return 'given';
  } catch (error) {
    if (error instanceof ConnectionLost) return 'unknown';
    if (!(error instanceof RpcError)) throw error;
    answer = error;
  }
  const refusal: Refusal = refusalOf(answer.rpcCode, answer.message);
  if (refusal === 'known') return 'given';
  if (refusal === 'busy' || !first) return 'not_now';
  if (refusal === 'no_digest' && signed.withDigest) throw new SignAgain(refusal, answer);
  if (refusal === 'refuted') throw new SignAgain(refusal, answer);
  throw poolError(answer.rpcCode, answer.message, netuid) ?? rejected(answer, signed);
}

function rejected(cause: RpcError, { hash }: SignedCall): OutsideError {
  return new OutsideError('chain.rejected', `The chain does not take the commitment: ${cause.message}.`, {
    cause,
    nextSteps: ['pt doctor', 'pt status --mine', 'Try another endpoint: --network ws://HOST:PORT'],
    details: { extrinsicHash: hash },
  });
}

/** For a signature that the runtime did not recognize, again and again. */
export function refuted(cause: SignAgain, { hash, withDigest }: SignedCall, endpoint: string): OutsideError {
  if (!withDigest) return rejected(cause.cause as RpcError, { hash } as SignedCall);
  return new OutsideError(
    'chain.refuted',
    `${endpoint} is not what it says: the runtime behind it does not know what was signed as its own (metadata, genesis block, version), so it took no commitment: ${cause.message}.`,
    {
      cause,
      nextSteps: ['Try another endpoint: --network ws://HOST:PORT', 'pt doctor', 'pt upload --resume'],
      details: { extrinsicHash: hash },
    },
  );
}
