import { Cancelled, OutsideError, PtError, UserError } from '../errors.ts';
import { dispatchError } from './answers.ts';
import { blockTimeOf } from './block-time.ts';
import { commitmentOf, fieldsOf, isField, type Registration } from './commitments.ts';
import type { Connection } from './connection.ts';
import { failureIn } from './failure.ts';
import { DEEP, extrinsicsOf, follow, type Landing, nonceIn } from './follow.ts';
import { isHash, refreshRuntime, type Session, versionsOf } from './greet.ts';
import { ERA_PERIOD } from './meant.ts';
import { refuted, SignAgain } from './offer.ts';
import { ConnectionLost, textOf } from './rpc.ts';
import { toHex } from './runtime.ts';
import { hashOfExtrinsic, prepareSigning, type SignedCall, signCommitment } from './sign.ts';
import { numberOf } from './storage.ts';
import type { Commitment, CommitReceipt, CommitRequest, DataField } from './types.ts';

/** Longest text that one field of the chain's `Data` type holds, in bytes of UTF-8; older runtimes have none of more than 128. */
export const MAX_COMMITMENT_BYTES = 512;
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
  const { netuid, text, seal, hotkey, beforeSend, signal } = request;
  const bytes = Buffer.byteLength(text, 'utf8');
  if (!seal && bytes > MAX_COMMITMENT_BYTES)
    throw new UserError(
      'commitment.too_long',
      `The commitment has ${bytes} bytes and the chain holds ${MAX_COMMITMENT_BYTES}.`,
      { nextSteps: ['Use a shorter repository name with --hf-repo-id.'] },
    );
  let signed: SignedCall | null = null;
  let withDigest = true;
  let refusal: SignAgain | null = null;
  let { standing } = request;
  try {
    await prepareSigning();
    for (let round = 0; round < MAX_SIGNED; round++) {
      if (signal?.aborted) throw new Cancelled();
      const start = await prepare(connection, netuid, hotkey.ss58);
      if (start.commitment && holds(start.commitment, request))
        return await receiptOfOld(connection, request, start.commitment, signed?.hash ?? null);
      if (standing === undefined) standing = start.commitment;
      else if (isNewer(start.commitment, standing)) throw replaced(start.commitment!, hotkey.ss58, signed);
      const { session } = start;
      signed = await signCommitment(netuid, seal ?? text, hotkey, { ...session, ...start, withDigest });
      await beforeSend?.(signed.hash);
      try {
        const landing = await follow(connection, signed, {
          ss58: hotkey.ss58,
          birth: start.birth.number,
          netuid,
          stallMs,
          // Twice what the era takes, whatever the node says about its height.
          totalMs: stallMs + 2 * ERA_PERIOD * blockTimeOf(session.runtime),
          signal,
        });
        if (landing) {
          await checkOutcome(connection, landing, request);
          return { block: landing.block, blockHash: landing.blockHash, extrinsicHash: signed.hash };
        }
        refusal = null;
      } catch (error) {
        if (!(error instanceof SignAgain)) throw error;
        // The call is the same and the nonce too, so that at most one of the two signatures can ever be included.
        refusal = error;
        if (error.reason === 'no_digest') withDigest = false;
      }
    }
  } catch (error) {
    // Whoever resumes must know that something may be on its way.
    if (signed && error instanceof PtError && UNKNOWN_FATE.has(error.code))
      throw new OutsideError('chain.lost', `${error.message} The commitment was sent and may be on chain.`, {
        cause: error,
        nextSteps: ['pt upload --resume', ...error.nextSteps],
        details: { extrinsicHash: signed.hash },
      });
    throw error;
  }
  if (refusal) throw refuted(refusal, signed!, connection.session().endpoint);
  throw new OutsideError(
    'chain.not_included',
    'The chain took the commitment into no block before it expired.',
    {
      nextSteps: ['pt upload --resume', 'pt status --mine'],
      details: { extrinsicHash: signed?.hash },
    },
  );
}

const entryOf = (found: Registration): Commitment & { fields: DataField[] } => ({
  ...commitmentOf(found),
  fields: fieldsOf(found.info),
});

/** Whether an entry is exactly what is asked for: the text, or the seal byte for byte. */
const holds = ({ fields }: { fields: DataField[] }, { text, seal }: CommitRequest): boolean =>
  fields.length === 1 && isField(fields[0]!, seal ?? text);

/** Failures of reading that say nothing about what was sent before them. */
const UNKNOWN_FATE = new Set(['chain.unreachable', 'chain.busy', 'chain.refused', 'chain.unreadable']);

/** Whether `found` was written after `standing`. An older one is a node that lags: the nonce read with it can then never be included. */
const isNewer = (found: Commitment | null, standing: Commitment | null): boolean =>
  found !== null &&
  (standing === null ||
    found.block > standing.block ||
    (found.block === standing.block && found.text !== standing.text));

function replaced(found: Commitment, ss58: string, signed: SignedCall | null): UserError {
  const done = signed ? 'Nothing more was signed.' : 'Nothing was signed.';
  return new UserError(
    'commitment.replaced',
    `Hotkey ${ss58} has another commitment since this began, in block ${found.block}: ${textOf(found.text ?? 'no text')}. ${done}`,
    {
      details: { commitment: { block: found.block, text: found.text } },
      nextSteps: [
        'pt status --mine   # another machine, or an earlier run?',
        'pt upload --resume --replace   # commits this model after all, in its place',
      ],
    },
  );
}

interface Start {
  session: Session;
  /** Block that the era begins at. */
  birth: { number: number; hash: string };
  nonce: number;
  /** What the hotkey has on chain in the same block as the nonce was read from. */
  commitment: (Commitment & { fields: DataField[] }) | null;
}

/** Reads what signing needs, by metadata fresh from the node. A runtime upgrade since the connection was opened is noticed here. */
async function prepare(connection: Connection, netuid: number, ss58: string): Promise<Start> {
  return connection.read(async (session) => {
    const { rpc } = session;
    const [bestHash, finalHash, version] = await rpc.batch([
      ['chain_getBlockHash'],
      ['chain_getFinalizedHead'],
      ['state_getRuntimeVersion'],
    ]);
    if (!isHash(bestHash) || !isHash(finalHash)) throw new ConnectionLost('it does not tell its best block');
    if (versionsOf(version).specVersion !== session.specVersion) connection.renew();
    await refreshRuntime(session);
    const { runtime } = session;
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
      nonce: nonceIn(runtime, account),
      commitment: found ? entryOf(found) : null,
    };
  });
}

/** Reads what became of our call in its block; throws the dispatch error by name when it failed. */
async function checkOutcome(
  connection: Connection,
  { block, blockHash, index }: Landing,
  request: CommitRequest,
): Promise<void> {
  const { netuid, hotkey } = request;
  await connection.read(async ({ rpc, runtime }) => {
    const [events, registration] = await rpc.batch([
      ['state_getStorage', runtime.key('System', 'Events'), blockHash],
      ['state_getStorage', runtime.key('Commitments', 'CommitmentOf', netuid, hotkey.ss58), blockHash],
    ]);
    const found = runtime.value('Commitments', 'CommitmentOf', registration);
    const onChain = found ? entryOf(found) : null;
    if (onChain?.block === block && holds(onChain, request)) return;
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
  { text, seal, hotkey }: CommitRequest,
  { block }: Commitment,
  ownHash: string | null,
): Promise<CommitReceipt> {
  return connection.read(async ({ rpc }) => {
    const [blockHash] = await rpc.batch([['chain_getBlockHash', block]]);
    if (!isHash(blockHash)) throw new ConnectionLost('it does not know the block of the commitment');
    // A node that keeps no old blocks does not have it any more.
    const extrinsics = await extrinsicsOf(rpc, blockHash).catch(() => []);
    const parts = [toHex(hotkey.publicKey).slice(2), Buffer.from(seal?.encrypted ?? text).toString('hex')];
    const hex = extrinsics.find((one) => parts.every((part) => one.includes(part)));
    return { block, blockHash, extrinsicHash: hex ? hashOfExtrinsic(hex) : (ownHash ?? '') };
  });
}
