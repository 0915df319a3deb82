import type { Dirent } from 'node:fs';
import { constants } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { EXIT, UserError } from '../../errors.ts';
import { shellWord } from '../../text/shell-word.ts';
import type { HotkeyFile, WalletLocation } from '../types.ts';
import { encryptionOf } from './encryption.ts';
import { hotkeysDir } from './location.ts';
import { type PublicHalf, readPublicHalf } from './public-half.ts';

/** Key files are a few hundred bytes; anything larger is none. */
export const MAX_KEY_FILE = 64 << 10;

const list = (dir: string): Promise<Dirent[]> => readdir(dir, { withFileTypes: true }).catch(() => []);

/**
 * Every hotkey file under a folder of wallets, sorted by wallet and name. A folder that is missing or cannot be read gives none. Coldkeys
 * are never opened.
 */
export async function findHotkeys(path: string): Promise<HotkeyFile[]> {
  const found: HotkeyFile[] = [];
  for (const wallet of await list(path)) {
    if (!wallet.isDirectory() && !wallet.isSymbolicLink()) continue;
    const dir = hotkeysDir(path, wallet.name);
    for (const entry of await list(dir)) {
      // `NAMEpub.txt` is the public half; dots are editors' and systems' files.
      if (entry.isDirectory() || entry.name.endsWith('pub.txt') || entry.name.startsWith('.')) continue;
      const file = await describe(wallet.name, entry.name, join(dir, entry.name));
      if (file) found.push(file);
    }
  }
  return found.sort((a, b) => compare(a.wallet, b.wallet) || compare(a.hotkey, b.hotkey));
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

async function describe(wallet: string, hotkey: string, file: string): Promise<HotkeyFile | null> {
  try {
    const { mode } = await stat(file);
    const bytes = await readKeyFile(file);
    if (!bytes) return null;
    const encryption = encryptionOf(bytes);
    const { ss58, addressDiffers, cryptoType } =
      encryption === 'none' ? readPublicHalf(bytes.toString('utf8')) : await besideIt(file);
    return {
      wallet,
      hotkey,
      file,
      ss58,
      addressDiffers,
      encryption,
      cryptoType,
      worldReadable: process.platform !== 'win32' && (mode & 0o077) !== 0,
    };
  } catch {
    return null;
  }
}

async function besideIt(file: string): Promise<PublicHalf> {
  const bytes = await readKeyFile(`${file}pub.txt`).catch(() => null);
  return readPublicHalf(bytes?.toString('utf8') ?? '');
}

/** The file's bytes; null when it is not a regular file of a key file's size. */
export async function readKeyFile(file: string): Promise<Buffer | null> {
  // Without O_NONBLOCK, opening a pipe that nobody writes to would wait for ever.
  const handle = await open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const found = await handle.stat();
    return found.isFile() && found.size <= MAX_KEY_FILE ? await handle.readFile() : null;
  } finally {
    await handle.close();
  }
}

/** SS58 of a wallet's hotkey, from the public part of its file. Throws `UserError` `wallet.missing` when it cannot be told. */
export async function addressOf({ path, name, hotkey }: WalletLocation): Promise<string> {
  const own = (await findHotkeys(path)).find((file) => file.wallet === name && file.hotkey === hotkey);
  if (own?.ss58) return own.ss58;
  throw new UserError(
    'wallet.missing',
    `There is no hotkey ${name}/${hotkey} under ${path} whose address can be read (--wallet-name, --wallet-hotkey, --wallet-path).`,
    {
      exitCode: EXIT.wallet,
      nextSteps: ['pt wallet list', `btcli wallet new-hotkey --wallet.name ${shellWord(name)}`],
    },
  );
}
