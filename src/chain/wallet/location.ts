import { join } from 'node:path';
import { EXIT, UserError } from '../../errors.ts';
import type { WalletLocation } from '../types.ts';

/** A name that becomes one path component: what btcli allows and nothing that leads elsewhere. */
export function checkName(kind: 'wallet' | 'hotkey', name: string): void {
  const bad =
    name === '' ||
    name === '.' ||
    name === '..' ||
    name.length > 255 ||
    /[/\\]/.test(name) ||
    name.includes('\0');
  if (bad)
    throw new UserError(
      'wallet.bad_name',
      `${JSON.stringify(name.slice(0, 80))} cannot be the name of a ${kind}: it must be one plain name, without / or "..".`,
      {
        exitCode: EXIT.wallet,
        nextSteps: ['pt wallet list', `Name it with --wallet-${kind === 'wallet' ? 'name' : 'hotkey'}.`],
      },
    );
}

export const hotkeysDir = (path: string, name: string): string => join(path, name, 'hotkeys');

/** The hotkey's file; names are checked first. */
export function hotkeyPath({ path, name, hotkey }: WalletLocation): string {
  checkName('wallet', name);
  checkName('hotkey', hotkey);
  return join(hotkeysDir(path, name), hotkey);
}
