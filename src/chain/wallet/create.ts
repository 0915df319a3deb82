import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { secretFromSeed } from '@scure/sr25519';
import type { Hotkey, WalletLocation } from '../types.ts';
import { createHotkey } from './keypair.ts';
import { hotkeyPath } from './location.ts';

const hex = (bytes: Uint8Array): string => `0x${Buffer.from(bytes).toString('hex')}`;

/**
 * Makes a throwaway wallet for the sandbox: a plain sr25519 hotkey file that bittensor-wallet reads too, its public half, and the public half
 * of a coldkey whose private half is forgotten at once. Rejects with `EEXIST` when the hotkey is there already.
 */
export async function createWallet(location: WalletLocation): Promise<Hotkey> {
  const file = hotkeyPath(location);
  const seed = new Uint8Array(randomBytes(32));
  const hotkey = createHotkey(location.hotkey, { cryptoType: 'sr25519', secret: seed });
  const coldkey = createHotkey('coldkey', { cryptoType: 'sr25519', secret: new Uint8Array(randomBytes(32)) });
  const secret = {
    ...publicHalf(hotkey),
    privateKey: hex(canonical(secretFromSeed(seed))),
    secretSeed: hex(seed),
  };
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(file, JSON.stringify(secret), { mode: 0o600, flag: 'wx' });
  await writeFile(`${file}pub.txt`, JSON.stringify(publicHalf(hotkey)), { mode: 0o600 });
  const coldkeyFile = join(location.path, location.name, 'coldkeypub.txt');
  await writeFile(coldkeyFile, JSON.stringify(publicHalf(coldkey)), { mode: 0o600, flag: 'wx' }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    },
  );
  return hotkey;
}

const publicHalf = ({ publicKey, ss58, cryptoType }: Hotkey) => ({
  accountId: hex(publicKey),
  publicKey: hex(publicKey),
  cryptoType: cryptoType === 'sr25519' ? 1 : 0,
  ss58Address: ss58,
});

/** The library's form of an sr25519 key back into schnorrkel's: the scalar shifted right by three bits. */
function canonical(key: Uint8Array): Uint8Array {
  const out = Uint8Array.from(key);
  for (let i = 0; i < 32; i++) out[i] = (key[i]! >> 3) | (i < 31 ? (key[i + 1]! << 5) & 0xff : 0);
  return out;
}
