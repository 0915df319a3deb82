import { createCipheriv, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { xsalsa20poly1305 } from '@noble/ciphers/salsa.js';

/** A well-known development key in every form that bittensor-wallet writes: `//Alice`, and a seed for ed25519. */
export const ALICE = {
  ss58: '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY',
  publicKey: '0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d',
  seed: '0xe5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a',
  /** schnorrkel's canonical 64 bytes, as a key derived from a path is stored. */
  privateKey:
    '0x33a6f3093f158a7109f679410bef1a0c54168145e0cecb4df006c1c2fffb1f09925a225d97aa00682d6a59b95b18780c10d7032336e88f3442b42361f4a66011',
};

export const derivedFile = (): string =>
  JSON.stringify({
    publicKey: ALICE.publicKey,
    ss58Address: ALICE.ss58,
    cryptoType: 1,
    accountId: ALICE.publicKey,
    privateKey: ALICE.privateKey,
  });

/** Keys that the two slow derivations give for `PASSWORD`: recorded, so that tests pay for each only once. */
export const PASSWORD = 'hot-pass-1';
export const NACL_KEY = Buffer.from(
  '546865eb75c3543ed480f3403202ba735997edd37318723b54dca43ec893001b',
  'hex',
);
export const FERNET_KEY = Buffer.from(
  '3406c8266505c0175a5268c36349f93acde9b20027b3d3461a00e6f0717da19c',
  'hex',
);

export function sealNacl(text: string): Buffer {
  const nonce = randomBytes(24);
  const box = xsalsa20poly1305(Uint8Array.from(NACL_KEY), Uint8Array.from(nonce)).encrypt(Buffer.from(text));
  return Buffer.concat([Buffer.from('$NACL'), nonce, box]);
}

export function sealFernet(text: string): Buffer {
  const iv = randomBytes(16);
  const cipher = createCipheriv('aes-128-cbc', FERNET_KEY.subarray(16), iv);
  const signed = Buffer.concat([
    Buffer.from([0x80, 0, 0, 0, 0, 0x6b, 3, 0xd2, 0x5b]),
    iv,
    cipher.update(text),
    cipher.final(),
  ]);
  const tag = createHmac('sha256', FERNET_KEY.subarray(0, 16)).update(signed).digest();
  return Buffer.from(Buffer.concat([signed, tag]).toString('base64url'));
}

export function sealAnsible(text: string, password = PASSWORD): Buffer {
  const salt = randomBytes(32);
  const key = pbkdf2Sync(password, salt, 10_000, 80, 'sha256');
  const cipher = createCipheriv('aes-256-ctr', key.subarray(0, 32), key.subarray(64, 80));
  const pad = 16 - (Buffer.byteLength(text) % 16);
  const sealed = Buffer.concat([cipher.update(text), cipher.update(Buffer.alloc(pad, pad)), cipher.final()]);
  const tag = createHmac('sha256', key.subarray(32, 64)).update(sealed).digest();
  const inner = [salt, tag, sealed].map((part) => part.toString('hex')).join('\n');
  const lines = Buffer.from(inner)
    .toString('hex')
    .match(/.{1,80}/g)!;
  return Buffer.from(`$ANSIBLE_VAULT;1.1;AES256\n${lines.join('\n')}\n`);
}

/** Writes a wallet of one hotkey; with a coldkey that is a trap: a folder cannot be opened as a file. */
export async function writeHotkey(
  path: string,
  name: string,
  hotkey: string,
  content: string | Uint8Array,
  mode = 0o600,
): Promise<string> {
  const dir = join(path, name, 'hotkeys');
  await mkdir(dir, { recursive: true });
  await mkdir(join(path, name, 'coldkey'), { recursive: true });
  await writeFile(join(dir, hotkey), content, { mode });
  return join(dir, hotkey);
}
