import type { Hotkey } from '../types.ts';
import { createHotkey, type SecretKey } from './keypair.ts';

/** What a key file or the `…pub.txt` beside it says in the open. */
export interface PublicHalf {
  ss58: string | null;
  cryptoType: 'sr25519' | 'ed25519' | null;
}

/** The file's content is not a key; the message never quotes it. */
export class MalformedKey extends Error {}

function parseObject(text: string): Record<string, unknown> {
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

const cryptoTypeOf = (value: unknown): 'sr25519' | 'ed25519' | null =>
  value === 0 ? 'ed25519' : value === 1 || value === undefined ? 'sr25519' : null;

const isAddress = (value: unknown): value is string =>
  typeof value === 'string' && /^[1-9A-HJ-NP-Za-km-z]{46,49}$/.test(value);

/** Address and key type of a file in the open; nulls where it does not tell. Never throws. */
export function readPublicHalf(text: string): PublicHalf {
  try {
    const { ss58Address, cryptoType } = parseObject(text);
    return { ss58: isAddress(ss58Address) ? ss58Address : null, cryptoType: cryptoTypeOf(cryptoType) };
  } catch {
    return { ss58: null, cryptoType: null };
  }
}

function hexBytes(value: unknown, field: string, lengths: number[]): Uint8Array | null {
  if (value === undefined || value === null || value === '') return null;
  const hex = typeof value === 'string' ? /^(?:0x)?((?:[0-9a-f]{2})+)$/i.exec(value)?.[1] : undefined;
  if (hex === undefined || !lengths.includes(hex.length / 2))
    throw new MalformedKey(`its ${field} is not hexadecimal of ${lengths.join(' or ')} bytes`);
  return new Uint8Array(Buffer.from(hex, 'hex'));
}

/**
 * Reads a decrypted hotkey file: seed when it has one, else the private key (keys derived from a path have only that). Throws `MalformedKey`;
 * also when the key does not belong to the address that the file names.
 */
export function readHotkey(name: string, text: string): Hotkey {
  const file = parseObject(text);
  const cryptoType = cryptoTypeOf(file.cryptoType);
  if (cryptoType === null) throw new MalformedKey('its cryptoType is neither 1 (sr25519) nor 0 (ed25519)');
  const secret =
    hexBytes(file.secretSeed, 'secretSeed', [32]) ??
    hexBytes(file.privateKey, 'privateKey', cryptoType === 'ed25519' ? [32, 64] : [64]);
  if (!secret) throw new MalformedKey('it holds neither secretSeed nor privateKey (is it the public half?)');
  // An ed25519 private key of 64 bytes is the seed with the public key behind it.
  const key: SecretKey = { cryptoType, secret: cryptoType === 'ed25519' ? secret.subarray(0, 32) : secret };
  let hotkey: Hotkey;
  try {
    hotkey = createHotkey(name, key);
  } catch {
    throw new MalformedKey('its key bytes are no valid key');
  }
  if (file.ss58Address !== undefined && file.ss58Address !== hotkey.ss58)
    throw new MalformedKey('its key does not belong to the address that it names');
  const publicKey = hexBytes(file.publicKey, 'publicKey', [32]);
  if (publicKey && !Buffer.from(publicKey).equals(hotkey.publicKey))
    throw new MalformedKey('its key does not belong to the public key that it names');
  return hotkey;
}
