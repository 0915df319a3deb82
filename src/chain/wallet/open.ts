import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { EXIT, UserError } from '../../errors.ts';
import { shellWord } from '../../text/shell-word.ts';
import { nearest } from '../../text/suggest.ts';
import type { Hotkey, HotkeyFile, PasswordSource, WalletLocation } from '../types.ts';
import { decrypt, MalformedVault, WrongPassword } from './decrypt.ts';
import { encryptionOf } from './encryption.ts';
import { findHotkeys, MAX_KEY_FILE, readKeyFile } from './find.ts';
import { MalformedKey, readHotkey } from './keyfile.ts';
import { hotkeyPath } from './location.ts';

const walletError = (code: string, message: string, nextSteps: string[], cause?: unknown): UserError =>
  new UserError(code, message, { exitCode: EXIT.wallet, nextSteps, ...(cause ? { cause } : {}) });

/**
 * Opens a hotkey for signing. `password` is asked only when the file is encrypted. Throws `UserError` with exit code 4:
 * `wallet.missing`, `hotkey.missing`, `wallet.unreadable`, `wallet.malformed`, `wallet.password`, `wallet.bad_name`.
 */
export async function openHotkey(location: WalletLocation, password?: PasswordSource): Promise<Hotkey> {
  const file = hotkeyPath(location);
  const bytes = await readFileOf(location, file);
  const encryption = encryptionOf(bytes);
  let plain: Uint8Array = bytes;
  if (encryption !== 'none') {
    const secret = (await password?.()) ?? null;
    if (!secret)
      throw walletError('wallet.password', `The hotkey ${location.name}/${location.hotkey} is encrypted.`, [
        'Run the command in a terminal to be asked for the password, or set BT_WALLET_PASSWORD.',
      ]);
    plain = await decrypt(bytes, encryption, secret.reveal()).catch((error: unknown) => {
      if (error instanceof WrongPassword)
        throw walletError(
          'wallet.password',
          `The password does not open the hotkey ${location.name}/${location.hotkey}.`,
          ['Check BT_WALLET_PASSWORD, or unset it to be asked.'],
        );
      if (error instanceof MalformedVault) throw malformed(file, error);
      throw error;
    });
  }
  try {
    return readHotkey(location.hotkey, Buffer.from(plain).toString('utf8'));
  } catch (error) {
    if (error instanceof MalformedKey) throw malformed(file, error);
    throw error;
  }
}

const malformed = (file: string, error: Error): UserError =>
  walletError('wallet.malformed', `${file} is not a hotkey file that pt can read: ${error.message}.`, [
    'pt wallet list',
    'Restore the file from its backup, or from its mnemonic: btcli wallet regen-hotkey',
  ]);

async function readFileOf(location: WalletLocation, file: string): Promise<Buffer> {
  try {
    const bytes = await readKeyFile(file);
    if (!bytes) throw malformed(file, new Error(`it is not a file of at most ${MAX_KEY_FILE >> 10} KiB`));
    return bytes;
  } catch (error) {
    if (error instanceof UserError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') throw await missing(location, file);
    throw walletError('wallet.unreadable', `${file} cannot be read (${code ?? 'unknown error'}).`, [
      `ls -l ${shellWord(dirname(file))}`,
    ]);
  }
}

/** Says what is there instead, and what was probably meant. */
async function missing(location: WalletLocation, file: string): Promise<UserError> {
  const { path, name, hotkey } = location;
  const found = await findHotkeys(path);
  const own = found.filter(({ wallet }) => wallet === name);
  const walletExists =
    own.length > 0 ||
    (await stat(join(path, name)).then(
      () => true,
      () => false,
    ));
  const candidates = walletExists && own.length > 0 ? own : found;
  const best = closest(candidates, walletExists ? hotkey : name, walletExists ? 'hotkey' : 'wallet');
  const listed = candidates.slice(0, 8).map((one) => `${one.wallet}/${one.hotkey}`);
  const there =
    listed.length === 0
      ? 'No hotkey was found there.'
      : `Found: ${listed.join(', ')}${candidates.length > 8 ? ', …' : ''}.`;
  const steps = [
    ...(best ? [`--wallet-name ${best.wallet} --wallet-hotkey ${best.hotkey}`] : []),
    'pt wallet list',
    ...(found.length === 0
      ? ['btcli wallet create', 'Or rehearse without one: pt sandbox start --detach']
      : []),
  ];
  return walletExists
    ? walletError(
        'hotkey.missing',
        `The wallet "${name}" has no hotkey "${hotkey}" (${file}). ${there}`,
        steps,
      )
    : walletError('wallet.missing', `There is no wallet "${name}" in ${path}. ${there}`, steps);
}

/** The nearest in spelling; else the only one there is. */
function closest(files: HotkeyFile[], wanted: string, field: 'wallet' | 'hotkey'): HotkeyFile | null {
  const [near] = nearest(
    wanted,
    files.map((file) => file[field]),
  );
  return files.find((file) => file[field] === near) ?? (files.length === 1 ? files[0]! : null);
}
