import { fromHex, hash256, toHex } from './bytes.ts';
import { decodeExtrinsic, eraBirth, type SignedExtrinsic, verifyExtrinsic } from './extrinsic.ts';
import type { Ledger } from './ledger.ts';
import type { Runtime } from './metadata.ts';
import { type State, ss58 } from './state.ts';

/** Answer of a node that refuses something, as JSON-RPC carries it. */
export class RpcFailure extends Error {
  readonly code: number;
  readonly data: string | undefined;

  constructor(code: number, message: string, data?: string) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

const invalid = (data: string): RpcFailure => new RpcFailure(1010, 'Invalid Transaction', data);
const unknown = (data: string): RpcFailure => new RpcFailure(1011, 'Unknown Transaction Validity', data);

/** What happened to a watched extrinsic, as `author_extrinsicUpdate` says it. */
export type ExtrinsicStatus = string | { inBlock: string } | { finalized: string };

export interface Waiting {
  hash: string;
  hex: string;
  extrinsic: SignedExtrinsic;
  signer: string;
  watchers: Set<(status: ExtrinsicStatus) => void>;
}

/** Extrinsics that wait for a block. Lost when the node stops, as a real node's are. */
export interface Pool {
  /** Validates and adds; throws `RpcFailure` with a real node's codes. */
  add(hex: string): Waiting;
  /** Those that the next block takes, in nonce order for each signer; drops the ones that can never be. */
  take(): Waiting[];
  pending(): Waiting[];
  /** The next nonce of an account, counting what waits. */
  nextNonce(address: string): number;
  /** Forgets without a word, as a full pool does. */
  forget(hash: string): void;
}

export function createPool(ledger: Ledger, state: State, runtime: Runtime): Pool {
  const waiting = new Map<string, Waiting>();
  const nonceOf = (address: string): number => state.get('System', 'Account', address).nonce as number;

  /** Null when the extrinsic may go into the next block, else why not. */
  const faultOf = (extrinsic: SignedExtrinsic): string | null => {
    const head = ledger.head().number;
    const birth = extrinsic.era ? eraBirth(extrinsic.era, head) : null;
    const eraHash = birth === null ? ledger.genesisHash : ledger.byNumber(birth)?.hash;
    if (eraHash === undefined) return 'Transaction has an ancient birth block';
    const fits = verifyExtrinsic(extrinsic, {
      specVersion: runtime.specVersion,
      transactionVersion: runtime.transactionVersion,
      genesisHash: fromHex(ledger.genesisHash),
      eraHash: fromHex(eraHash),
      digest: extrinsic.withDigest ? runtime.digest() : null,
    });
    return fits ? null : 'Transaction has a bad signature';
  };

  const pool: Pool = {
    add(hex) {
      let extrinsic: SignedExtrinsic;
      let bytes: Uint8Array;
      try {
        bytes = fromHex(hex);
        extrinsic = decodeExtrinsic(bytes, runtime);
      } catch (error) {
        throw new RpcFailure(1002, `Verification Error: Could not decode: ${(error as Error).message}`);
      }
      const hash = toHex(hash256(bytes));
      if (waiting.has(hash)) throw new RpcFailure(1013, 'Transaction is already imported');
      const signer = ss58(extrinsic.signer);
      if (extrinsic.nonce < nonceOf(signer)) throw invalid('Transaction is outdated');
      if (extrinsic.withDigest && !runtime.digest()) throw unknown('UnknownTransaction::CannotLookup');
      const fault = faultOf(extrinsic);
      if (fault) throw invalid(fault);
      for (const other of waiting.values())
        if (other.signer === signer && other.extrinsic.nonce === extrinsic.nonce)
          throw new RpcFailure(
            1014,
            'Priority is too low: (0 vs 0)',
            'The transaction has too low priority to replace another transaction already in the pool.',
          );
      const entry: Waiting = { hash, hex: toHex(bytes), extrinsic, signer, watchers: new Set() };
      waiting.set(hash, entry);
      return entry;
    },
    take() {
      const taken: Waiting[] = [];
      const next = new Map<string, number>();
      for (const entry of [...waiting.values()].sort((a, b) => a.extrinsic.nonce - b.extrinsic.nonce)) {
        const nonce = next.get(entry.signer) ?? nonceOf(entry.signer);
        const expired = entry.extrinsic.era !== null && faultOf(entry.extrinsic) !== null;
        if (entry.extrinsic.nonce < nonce || expired) {
          waiting.delete(entry.hash);
          for (const tell of entry.watchers) tell('invalid');
        } else if (entry.extrinsic.nonce === nonce) {
          waiting.delete(entry.hash);
          next.set(entry.signer, nonce + 1);
          taken.push(entry);
        }
      }
      return taken;
    },
    pending: () => [...waiting.values()],
    nextNonce(address) {
      let nonce = nonceOf(address);
      const nonces = new Set(
        pool
          .pending()
          .filter((entry) => entry.signer === address)
          .map((entry) => entry.extrinsic.nonce),
      );
      while (nonces.has(nonce)) nonce++;
      return nonce;
    },
    forget(hash) {
      waiting.delete(hash);
    },
  };
  return pool;
}
