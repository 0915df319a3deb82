import { Blake2256 } from '@polkadot-api/substrate-bindings';

export const toHex = (bytes: Uint8Array): string => `0x${Buffer.from(bytes).toString('hex')}`;

/** Bytes of a hex string, `0x` optional as on a real node; throws on anything else. */
export function fromHex(text: unknown): Uint8Array {
  if (typeof text !== 'string' || !/^(0x)?([0-9a-f]{2})*$/i.test(text)) throw new RangeError('expected hex');
  return new Uint8Array(Buffer.from(text.replace(/^0x/, ''), 'hex'));
}

export const hash256 = (...parts: Uint8Array[]): Uint8Array => Blake2256(Buffer.concat(parts));
