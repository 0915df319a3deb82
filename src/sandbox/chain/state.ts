import { AccountId } from '@polkadot-api/substrate-bindings';
import { fromHex, toHex } from './bytes.ts';
import type { Block, Ledger } from './ledger.ts';
import type { Runtime } from './metadata.ts';

const account = AccountId(42);
/** SS58 of 32 bytes. */
export const ss58 = (publicKey: Uint8Array): string => account.dec(Uint8Array.from(publicKey));
/** 32 bytes of an SS58 address; throws on a bad checksum. */
export const publicKeyOf = (address: string): Uint8Array => account.enc(address);

/** Storage by pallet, item and decoded values. */
export interface State {
  // biome-ignore lint/suspicious/noExplicitAny: values are typed by the metadata
  get(pallet: string, item: string, ...keys: unknown[]): any;
  set(pallet: string, item: string, keys: unknown[], value: unknown): void;
  /** A value from its SCALE bytes (hex). */
  decode(pallet: string, item: string, hex: string): unknown;
  /** The same storage as it was after `block`. */
  at(block: Block): State;
}

/** Reads and writes the ledger through the runtime's own codecs; an absent value reads as its default, or `undefined`. */
export function openState(
  ledger: Pick<Ledger, 'get' | 'set'>,
  { builder }: Pick<Runtime, 'builder'>,
  block?: Block,
): State {
  return {
    get(pallet, item, ...keys) {
      const codec = builder.buildStorage(pallet, item);
      const value = ledger.get(codec.keys.enc(...keys), block);
      return value === undefined ? codec.fallback : codec.value.dec(fromHex(value));
    },
    set(pallet, item, keys, value) {
      if (block) throw new Error('The past cannot be written');
      const codec = builder.buildStorage(pallet, item);
      ledger.set(codec.keys.enc(...keys), value === null ? null : toHex(codec.value.enc(value)));
    },
    decode: (pallet, item, hex) => builder.buildStorage(pallet, item).value.dec(fromHex(hex)),
    at: (past) => openState(ledger, { builder }, past),
  };
}

/** Index of the epoch that a block belongs to, as the real chain counts. */
export const epochIndex = (netuid: number, tempo: number, block: number): number =>
  Math.floor((block + netuid + 1) / (tempo + 1));
