import type { Hotkey } from '../types.ts';
import { createHotkey, type SecretKey } from './keypair.ts';
import { cryptoTypeOf, MalformedKey, parseObject } from './public-half.ts';

export { MalformedKey };

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
