import { Cancelled, OutsideError, PtError, UserError } from '../errors.ts';
import { commitmentOf } from './commitments.ts';
import type { Connection } from './connection.ts';
import { dispatchError, failureIn } from './dispatch-errors.ts';
import { DEEP, follow, type Landing } from './follow.ts';
import { type Session, versionsOf } from './greet.ts';
import { toHex } from './runtime.ts';
import { hashOfExtrinsic, prepareSigning, type SignedCall, signCommitment } from './sign.ts';
import { numberOf } from './storage.ts';
import type { Commitment, CommitReceipt, CommitRequest } from './types.ts';

/** Longest text that one field of the chain's `Data` type holds, in bytes of UTF-8. */
export const MAX_COMMITMENT_BYTES = 128;
/** Extrinsics signed for one commitment at most: each only after the one before can never be included any more. */
const MAX_SIGNED = 3;

/**
 * Writes one commitment and waits until it is settled.
 *
 * Never two by accident: nonce and commitment are read from the state of one block, so when this text is not there yet, whatever an earlier
 * run still has under way carries the same nonce as what is signed now, and only one of them can ever be included. Bytes once signed are
 * offered again and again until their nonce is used or their era is over; only then are new ones signed.
 */
export async function commitText(
  connection: Connection,
  request: CommitRequest,
  stallMs: number,
): Promise<CommitReceipt> {
  const { netuid, text, hotkey, beforeSend, signal } = request;
  const bytes = Buffer.byteLength(text, 'utf8');
  if (bytes > MAX_COMMITMENT_BYTES)
    throw new UserError(
      'commitment.too_long',
      `The commitment has ${bytes} bytes and the chain holds ${MAX_COMMITMENT_BYTES}.`,
      { nextSteps: ['Use a shorter repository name with --hf-repo-id.'] },
    );
  let signed: SignedCall | null = null;
  try {
    await prepareSigning();
    for (let round = 0; round < MAX_SIGNED; round++) {
      if (signal?.aborted) throw new Cancelled();
      const start = await prepare(connection, netuid, hotkey.ss58);
      if (start.commitment?.text === text)
        return await receiptOfOld(connection, request, start.commitment, signed?.hash ?? null);
      const { session } = start;
      signed = await signCommitment(netuid, text, hotkey, { ...session, ...start });
      await beforeSend?.(signed.hash);
      const landing = await follow(connection, signed, {
        ss58: hotkey.ss58,
        birth: start.birth.number,
        stallMs,
        signal,
      });
      if (landing) {
        await checkOutcome(connection, landing, request);
        return { block: landing.block, blockHash: landing.blockHash, extrinsicHash: signed.hash };
      }
    }
  } catch (error) {
    // Whoever resumes must know that something may be on its way.
    if (signed && error instanceof PtError && error.code === 'chain.unreachable')
      throw new OutsideError('chain.lost', `${error.message} The commitment was sent and may be on chain.`, {
        cause: error,
        nextSteps: ['pt upload --resume', ...error.nextSteps],
        details: { extrinsicHash: signed.hash },
      });
    throw error;
  }
  throw new OutsideError(
    'chain.not_included',
    'The chain took the commitment into no block before it expired.',
    {
      nextSteps: ['pt upload --resume', 'pt status --mine'],
      details: { extrinsicHash: signed?.hash },
    },
  );
}

interface Start {
  session: Session;
  /** Block that the era begins at. */
  birth: { number: number; hash: string };
  nonce: number;
  /** What the hotkey has on chain in the same block as the nonce was read from. */
  commitment: Commitment | null;
}

/** Reads what signing needs. A runtime upgrade since the connection was opened is noticed here. */
async function prepare(connection: Connection, netuid: number, ss58: string): Promise<Start> {
  return connection.read(async (session) => {
    const { rpc, runtime } = session;
    const [bestHash, finalHash, version] = (await rpc.batch([
      ['chain_getBlockHash'],
      ['chain_getFinalizedHead'],
      ['state_getRuntimeVersion'],
    ])) as [string, string, unknown];
    if (versionsOf(version).specVersion !== session.specVersion) connection.renew();
    const accountKey = runtime.key('System', 'Account', ss58);
    const commitmentKey = runtime.key('Commitments', 'CommitmentOf', netuid, ss58);
    const [best, final, account, registration] = await rpc.batch([
      ['chain_getHeader', bestHash],
      ['chain_getHeader', finalHash],
      ['state_getStorage', accountKey, bestHash],
      ['state_getStorage', commitmentKey, bestHash],
    ]);
    const found = runtime.value('Commitments', 'CommitmentOf', registration);
    const finalIsNear = numberOf(best) - numberOf(final) <= DEEP;
    return {
      session,
      birth: finalIsNear
        ? { number: numberOf(final), hash: finalHash }
        : { number: numberOf(best), hash: bestHash },
      nonce: Number(runtime.value('System', 'Account', account).nonce),
      commitment: found ? commitmentOf(found) : null,
    };
  });
}

/** Reads what became of our call in its block; throws the dispatch error by name when it failed. */
async function checkOutcome(
  connection: Connection,
  { block, blockHash, index }: Landing,
  { netuid, text, hotkey }: CommitRequest,
): Promise<void> {
  await connection.read(async ({ rpc, runtime }) => {
    const [events, registration] = await rpc.batch([
      ['state_getStorage', runtime.key('System', 'Events'), blockHash],
      ['state_getStorage', runtime.key('Commitments', 'CommitmentOf', netuid, hotkey.ss58), blockHash],
    ]);
    const found = runtime.value('Commitments', 'CommitmentOf', registration);
    const onChain = found ? commitmentOf(found) : null;
    if (onChain?.block === block && onChain.text === text) return;
    const failure = failureIn(runtime.value('System', 'Events', events), index);
    if (failure) throw dispatchError(failure.pallet, failure.name, netuid);
    throw new OutsideError('chain.unconfirmed', `Block ${block} took the commitment but does not hold it.`, {
      nextSteps: ['pt upload --resume', 'pt status --mine'],
    });
  });
}

/** The receipt of a commitment that is on chain already, with the extrinsic that wrote it where its block still tells. */
async function receiptOfOld(
  connection: Connection,
  { text, hotkey }: CommitRequest,
  { block }: Commitment,
  ownHash: string | null,
): Promise<CommitReceipt> {
  return connection.read(async ({ rpc }) => {
    const [blockHash] = (await rpc.batch([['chain_getBlockHash', block]])) as [string];
    const [found] = await rpc.batch([['chain_getBlock', blockHash]]).catch(() => [null]);
    const extrinsics = (found as { block?: { extrinsics?: unknown[] } } | null)?.block?.extrinsics ?? [];
    const parts = [toHex(hotkey.publicKey).slice(2), Buffer.from(text).toString('hex')];
    const hex = extrinsics.find(
      (one) => typeof one === 'string' && parts.every((part) => one.includes(part)),
    );
    return {
      block,
      blockHash: String(blockHash),
      extrinsicHash: hex ? hashOfExtrinsic(hex as string) : (ownHash ?? ''),
    };
  });
}
