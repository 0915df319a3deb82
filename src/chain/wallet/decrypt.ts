import crypto, { createDecipheriv, createHmac, pbkdf2, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { xsalsa20poly1305 } from '@noble/ciphers/salsa.js';
import { nodeTooOld } from '../../host/node-version.ts';
import type { Encryption } from './encryption.ts';

const derive = promisify(pbkdf2);

/** The password does not fit, or the file was changed: the forms cannot tell these apart. */
export class WrongPassword extends Error {}
/** The file is not of the form that its first bytes promise. */
export class MalformedVault extends Error {}

/** One encrypted form: where its key comes from, and how the key opens it. Both throw `MalformedVault`, `open` also `WrongPassword`. */
interface Form {
  deriveKey(password: string, bytes: Uint8Array): Promise<Uint8Array>;
  open(bytes: Uint8Array, key: Uint8Array): Uint8Array;
}

/** Decrypts a whole key file. Throws `WrongPassword` or `MalformedVault`. Takes seconds: that is what the key derivations are for. */
export async function decrypt(
  bytes: Uint8Array,
  encryption: Exclude<Encryption, 'none'>,
  password: string,
): Promise<Uint8Array> {
  const { deriveKey, open } = forms[encryption];
  return open(bytes, await deriveKey(password, bytes));
}

const NACL_SALT = Buffer.from('137183dff15a09bc9c90b5518739e9b1', 'hex');
const NACL_MEMORY_KIB = 524_288;

/** `$NACL`, 24 bytes of nonce, XSalsa20-Poly1305 under an argon2i key with libsodium's "sensitive" limits. */
const nacl: Form = {
  async deriveKey(password, bytes) {
    naclBody(bytes); // before half a gibibyte is filled for nothing
    if (crypto.argon2 === undefined) throw nodeTooOld('This key file is opened with argon2', '24.7');
    return promisify(crypto.argon2)('argon2i', {
      message: Buffer.from(password, 'utf8'),
      nonce: NACL_SALT,
      parallelism: 1,
      tagLength: 32,
      memory: NACL_MEMORY_KIB,
      passes: 8,
    });
  },
  open(bytes, key) {
    const body = naclBody(bytes);
    try {
      return xsalsa20poly1305(Uint8Array.from(key), body.slice(0, 24)).decrypt(body.slice(24));
    } catch (cause) {
      throw new WrongPassword('the password does not fit', { cause });
    }
  },
};

function naclBody(bytes: Uint8Array): Uint8Array {
  if (bytes.length < 5 + 24 + 16) throw new MalformedVault('it is too short');
  return Uint8Array.from(bytes.subarray(5));
}

/** Ansible Vault 1.1: PBKDF2-SHA256 into cipher key, HMAC key and counter; AES-256-CTR with padding. */
const ansible: Form = {
  deriveKey: async (password, bytes) => derive(password, ansibleParts(bytes).salt, 10_000, 80, 'sha256'),
  open(bytes, key) {
    const { tag, ciphertext } = ansibleParts(bytes);
    const expected = createHmac('sha256', key.subarray(32, 64)).update(ciphertext).digest();
    if (!timingSafeEqual(expected, tag)) throw new WrongPassword('the password does not fit');
    const cipher = createDecipheriv('aes-256-ctr', key.subarray(0, 32), key.subarray(64, 80));
    return unpad(Buffer.concat([cipher.update(ciphertext), cipher.final()]));
  },
};

function ansibleParts(bytes: Uint8Array): { salt: Buffer; tag: Buffer; ciphertext: Buffer } {
  const [header, ...lines] = Buffer.from(bytes).toString('latin1').trim().split(/\r?\n/);
  if (!/^\$ANSIBLE_VAULT;1\.[12];AES256/.test(header ?? ''))
    throw new MalformedVault('its version is unknown');
  const [salt, tag, ciphertext, ...rest] = unhex(lines.join('')).toString('latin1').split('\n').map(unhex);
  if (!salt || tag?.length !== 32 || !ciphertext || rest.length > 0)
    throw new MalformedVault('it does not have the three parts of a vault');
  return { salt, tag, ciphertext };
}

const FERNET_SALT = 'Iguesscyborgslikemyselfhaveatendencytobeparanoidaboutourorigins';

/** Fernet token under a PBKDF2 key: HMAC-SHA256 over all but the tag, AES-128-CBC. */
const fernet: Form = {
  async deriveKey(password, bytes) {
    fernetToken(bytes);
    return derive(password, FERNET_SALT, 10_000_000, 32, 'sha256');
  },
  open(bytes, key) {
    const token = fernetToken(bytes);
    const signed = token.subarray(0, -32);
    const expected = createHmac('sha256', key.subarray(0, 16)).update(signed).digest();
    if (!timingSafeEqual(expected, token.subarray(-32))) throw new WrongPassword('the password does not fit');
    const cipher = createDecipheriv('aes-128-cbc', key.subarray(16), token.subarray(9, 25));
    try {
      return Buffer.concat([cipher.update(signed.subarray(25)), cipher.final()]);
    } catch {
      throw new MalformedVault('its padding is wrong');
    }
  },
};

function fernetToken(bytes: Uint8Array): Buffer {
  const token = Buffer.from(Buffer.from(bytes).toString('latin1').trim(), 'base64url');
  if (token.length < 1 + 8 + 16 + 16 + 32 || token[0] !== 0x80)
    throw new MalformedVault('it is no Fernet token');
  return token;
}

/** The forms by name; `decrypt` is these in one step. */
export const forms: Record<Exclude<Encryption, 'none'>, Form> = { nacl, ansible, fernet };

function unhex(text: string): Buffer {
  const clean = text.trim();
  if (!/^([0-9a-f]{2})*$/i.test(clean)) throw new MalformedVault('it is not hexadecimal where it should be');
  return Buffer.from(clean, 'hex');
}

function unpad(bytes: Uint8Array): Uint8Array {
  const count = bytes.at(-1) ?? 0;
  if (count < 1 || count > 16 || count > bytes.length) throw new MalformedVault('its padding is wrong');
  return bytes.subarray(0, -count);
}
