import { createPrivateKey, createPublicKey, sign as signNode } from 'node:crypto';
import { getPublicKey, secretFromSeed, sign as signSr25519 } from '@scure/sr25519';
import { ss58Of } from '../address.ts';
import type { Hotkey } from '../types.ts';

const PKCS8_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex');

export interface SecretKey {
  cryptoType: 'sr25519' | 'ed25519';
  /** 32-byte seed, or (sr25519 only) the 64-byte schnorrkel key: scalar, nonce. */
  secret: Uint8Array;
}

/**
 * Makes the signer of a secret key. Throws `RangeError` when the bytes are no key.
 *
 * schnorrkel stores the scalar as it is; the library's form (as ed25519's) has it times eight, the cofactor. Signing with the
 * unshifted one gives the right address and signatures that never verify.
 */
export function createHotkey(name: string, { cryptoType, secret }: SecretKey): Hotkey {
  if (cryptoType === 'ed25519') {
    if (secret.length !== 32) throw new RangeError('an ed25519 key has 32 bytes');
    const key = createPrivateKey({
      key: Buffer.concat([PKCS8_ED25519, secret]),
      format: 'der',
      type: 'pkcs8',
    });
    const publicKey = new Uint8Array(
      createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32),
    );
    return {
      name,
      cryptoType,
      publicKey,
      ss58: ss58Of(publicKey),
      sign: (message) => new Uint8Array(signNode(null, message, key)),
    };
  }
  const key = secret.length === 32 ? secretFromSeed(secret) : expand(secret);
  const publicKey = getPublicKey(key);
  return {
    name,
    cryptoType,
    publicKey,
    ss58: ss58Of(publicKey),
    sign: (message) => signSr25519(key, message),
  };
}

/** schnorrkel's 64 bytes in the library's form: the scalar, little-endian, shifted left by three bits. */
function expand(secret: Uint8Array): Uint8Array {
  if (secret.length !== 64) throw new RangeError('an sr25519 key has 32 or 64 bytes');
  const key = Uint8Array.from(secret);
  let carry = 0;
  for (let i = 0; i < 32; i++) {
    const byte = secret[i]!;
    key[i] = ((byte << 3) | carry) & 0xff;
    carry = byte >> 5;
  }
  if (carry !== 0) throw new RangeError('the sr25519 scalar is out of range');
  return key;
}
