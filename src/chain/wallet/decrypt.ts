import { argon2, createDecipheriv, createHmac, pbkdf2, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { xsalsa20poly1305 } from '@noble/ciphers/salsa.js';
import type { Encryption } from './encryption.ts';

const derive = promisify(pbkdf2);
const deriveArgon2 = promisify(argon2);

/** The password does not fit, or the file was changed: the forms cannot tell these apart. */
export class WrongPassword extends Error {}
/** The file is not of the form that its first bytes promise. */
export class MalformedVault extends Error {}

/** Decrypts a whole key file. Throws `WrongPassword` or `MalformedVault`. Takes seconds: that is what the key derivations are for. */
export async function decrypt(
  bytes: Uint8Array,
  encryption: Exclude<Encryption, 'none'>,
  password: string,
): Promise<Uint8Array> {
  const decryptors = { nacl: decryptNacl, ansible: decryptAnsible, fernet: decryptFernet };
  return decryptors[encryption](bytes, password);
}

const NACL_SALT = Buffer.from('137183dff15a09bc9c90b5518739e9b1', 'hex');
const NACL_MEMORY_KIB = 524_288;

/** `$NACL`, 24 bytes of nonce, XSalsa20-Poly1305 under an argon2i key with libsodium's "sensitive" limits. */
async function decryptNacl(bytes: Uint8Array, password: string): Promise<Uint8Array> {
  const body = bytes.subarray(5);
  if (body.length < 24 + 16) throw new MalformedVault('it is too short');
  const key = await deriveArgon2('argon2i', {
    message: Buffer.from(password, 'utf8'),
    nonce: NACL_SALT,
    parallelism: 1,
    tagLength: 32,
    memory: NACL_MEMORY_KIB,
    passes: 8,
  });
  try {
    return xsalsa20poly1305(new Uint8Array(key), body.slice(0, 24)).decrypt(body.slice(24));
  } catch (cause) {
    throw new WrongPassword('the password does not fit', { cause });
  }
}

/** Ansible Vault 1.1: PBKDF2-SHA256 into cipher key, HMAC key and counter; AES-256-CTR with padding. */
async function decryptAnsible(bytes: Uint8Array, password: string): Promise<Uint8Array> {
  const [header, ...lines] = Buffer.from(bytes).toString('latin1').trim().split(/\r?\n/);
  if (!/^\$ANSIBLE_VAULT;1\.[12];AES256/.test(header ?? ''))
    throw new MalformedVault('its version is unknown');
  const parts = unhex(lines.join('')).toString('latin1').split('\n').map(unhex);
  const [salt, tag, ciphertext] = parts;
  if (parts.length !== 3 || !salt || !tag || tag.length !== 32 || !ciphertext)
    throw new MalformedVault('it does not have the three parts of a vault');
  const keys = await derive(Buffer.from(password, 'utf8'), salt, 10_000, 80, 'sha256');
  const expected = createHmac('sha256', keys.subarray(32, 64)).update(ciphertext).digest();
  if (!timingSafeEqual(expected, tag)) throw new WrongPassword('the password does not fit');
  const cipher = createDecipheriv('aes-256-ctr', keys.subarray(0, 32), keys.subarray(64, 80));
  return unpad(Buffer.concat([cipher.update(ciphertext), cipher.final()]));
}

const FERNET_SALT = 'Iguesscyborgslikemyselfhaveatendencytobeparanoidaboutourorigins';

/** Fernet token under a PBKDF2 key: HMAC-SHA256 over all but the tag, AES-128-CBC. */
async function decryptFernet(bytes: Uint8Array, password: string): Promise<Uint8Array> {
  const token = Buffer.from(Buffer.from(bytes).toString('latin1').trim(), 'base64url');
  if (token.length < 1 + 8 + 16 + 16 + 32 || token[0] !== 0x80)
    throw new MalformedVault('it is no Fernet token');
  const key = await derive(Buffer.from(password, 'utf8'), FERNET_SALT, 10_000_000, 32, 'sha256');
  const signed = token.subarray(0, -32);
  const expected = createHmac('sha256', key.subarray(0, 16)).update(signed).digest();
  if (!timingSafeEqual(expected, token.subarray(-32))) throw new WrongPassword('the password does not fit');
  const cipher = createDecipheriv('aes-128-cbc', key.subarray(16), token.subarray(9, 25));
  return Buffer.concat([cipher.update(signed.subarray(25)), cipher.final()]);
}

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
