import { AccountId } from '@polkadot-api/substrate-bindings';

const account = AccountId(42);

/** The 32 bytes of an SS58 address; throws when its checksum does not fit. */
export const publicKeyOf = (ss58: string): Uint8Array => account.enc(ss58);

/** The SS58 address, prefix 42, of a public key. The copy is needed: the decoder reads a view's buffer from its very first byte. */
export const ss58Of = (publicKey: Uint8Array): string => account.dec(Uint8Array.from(publicKey));
