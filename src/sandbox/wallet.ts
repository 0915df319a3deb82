import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AccountId } from '@polkadot-api/substrate-bindings';
import { getPublicKey, secretFromSeed } from '@scure/sr25519';

export interface ThrowawayWallet {
  /** Folder of wallets. */
  path: string;
  name: string;
  hotkey: string;
  ss58: string;
}

const hex = (bytes: Uint8Array) => `0x${Buffer.from(bytes).toString('hex')}`;

/**
 * The sandbox's own hotkey `default/default`, made on first use under `<dir>/wallets` as a plain Bittensor key file (mode 600).
 * It is worth nothing anywhere else; the user's `~/.bittensor` is never touched.
 */
export function throwawayWallet(dir: string): ThrowawayWallet {
  const path = join(dir, 'wallets');
  const [name, hotkey] = ['default', 'default'];
  const folder = join(path, name, 'hotkeys');
  const file = join(folder, hotkey);
  const publicFile = `${file}pub.txt`;
  if (!existsSync(file)) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const seed = randomBytes(32);
    const secret = secretFromSeed(seed);
    const publicKey = getPublicKey(secret);
    const shared = {
      accountId: hex(publicKey),
      publicKey: hex(publicKey),
      cryptoType: 1,
      ss58Address: AccountId(42).dec(publicKey),
    };
    const whole = { ...shared, privateKey: hex(canonical(secret)), secretSeed: hex(seed) };
    writeFileSync(publicFile, JSON.stringify(shared), { mode: 0o600 });
    writeFileSync(file, JSON.stringify(whole), { mode: 0o600 });
  }
  const { ss58Address } = JSON.parse(readFileSync(publicFile, 'utf8')) as { ss58Address: string };
  return { path, name, hotkey, ss58: ss58Address };
}

/** Key files hold the scalar itself; the library keeps it times the cofactor 8. 64 bytes each: scalar (little-endian), nonce. */
function canonical(secret: Uint8Array): Uint8Array {
  const out = Uint8Array.from(secret);
  let carry = 0;
  for (let i = 31; i >= 0; i -= 1) {
    const byte = secret[i]!;
    out[i] = (byte >> 3) | (carry << 5);
    carry = byte & 7;
  }
  return out;
}
