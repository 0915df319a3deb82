import { publicKeyOf } from '../address.ts';

/** What a key file or the `…pub.txt` beside it says in the open. */
export interface PublicHalf {
  ss58: string | null;
  /** The address beside a public key is not that key's, or is none: then `ss58` is null. */
  addressDiffers: boolean;
  cryptoType: 'sr25519' | 'ed25519' | null;
}

/** The file's content is not a key; the message never quotes it. */
export class MalformedKey extends Error {}

/** A key file's JSON object; throws `MalformedKey`. */
export function parseObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own message would quote the file.
    throw new MalformedKey('it is not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new MalformedKey('it is no object');
  return value as Record<string, unknown>;
}

/** 1 or absent: sr25519, 0: ed25519, anything else: null. */
export const cryptoTypeOf = (value: unknown): 'sr25519' | 'ed25519' | null =>
  value === 0 ? 'ed25519' : value === 1 || value === undefined ? 'sr25519' : null;

const isAddress = (value: unknown): value is string =>
  typeof value === 'string' && /^[1-9A-HJ-NP-Za-km-z]{46,49}$/.test(value);

/** Address and key type of a file in the open; nulls where it does not tell. Never throws. */
export function readPublicHalf(text: string): PublicHalf {
  try {
    const { ss58Address, publicKey, cryptoType } = parseObject(text);
    const said = isAddress(ss58Address) ? ss58Address : null;
    const addressDiffers = said !== null && !belongs(said, publicKey);
    return { ss58: addressDiffers ? null : said, addressDiffers, cryptoType: cryptoTypeOf(cryptoType) };
  } catch {
    return { ss58: null, addressDiffers: false, cryptoType: null };
  }
}

/** Whether an address is one (its checksum holds), and that of the public key where there is one. */
function belongs(address: string, publicKey: unknown): boolean {
  try {
    const key = Buffer.from(publicKeyOf(address)).toString('hex');
    return typeof publicKey !== 'string' || publicKey.replace(/^0x/, '').toLowerCase() === key;
  } catch {
    return false;
  }
}
