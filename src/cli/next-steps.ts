/** What to type next, so that it means the same place as the command that says it. */
import type { SettingRow } from '../settings/index.ts';
import { shellWord } from '../text/shell-word.ts';

/** Settings that decide where, as whom and under which rules a command acts, by flag. */
const WHERE = [
  'network',
  'netuid',
  'profile',
  'profiles',
  'constants',
  'competition',
  'wallet-name',
  'wallet-hotkey',
  'wallet-path',
  'hub-endpoint',
] as const;

/** A setting that was typed: as a flag in whichever spelling, or as a variable before the command. */
export interface Typed {
  /** The flag without dashes. */
  flag: (typeof WHERE)[number];
  value: string;
}

/** What was typed of where a command acts. What stands in files is found again without being typed. */
export function typedSettings(rows: readonly SettingRow[], env: NodeJS.ProcessEnv): Typed[] {
  return WHERE.flatMap((flag) => {
    const row = rows.find(({ key }) => key === flag);
    if (row === undefined || row.value === null) return [];
    const { origin, value } = row;
    // The sandbox's own settings stand above the variable that named it.
    const named = flag === 'network' && origin === 'sandbox' && row.env.some((name) => env[name]?.trim());
    return named || /^(flag|environment) /.test(origin) ? [{ flag, value: String(value) }] : [];
  });
}

/** Flags that a command takes, by its words (`sandbox start`); null: there is no such command. */
export type Takes = (words: string) => ReadonlySet<string> | null;

/**
 * A step with what was typed, as far as its command takes it and it does not say it already, in its comment (`# without --competition`) too; to
 * be pasted as it stands. Sentences and other programs' commands stay as they are, but for `btcli`, which acts in the same place.
 */
export function inContext(step: string, typed: readonly Typed[], takes: Takes): string {
  const [, line, comment] = /^(.*?)(\s{2,}#.*)?$/s.exec(step)!;
  const [program, ...words] = line!.split(' ');
  if (program === 'btcli') return `${[line, ...forBtcli(line!, typed)].join(' ')}${comment ?? ''}`;
  if (program !== 'pt') return step;
  const known = takes(words.slice(0, 2).join(' ')) ?? takes(words[0] ?? '');
  if (known === null) return step;
  const more = typed.filter(({ flag }) => known.has(flag) && !says(step, flag));
  return `${[line, ...more.map(({ flag, value }) => option(`--${flag}`, value))].join(' ')}${comment ?? ''}`;
}

/** Spellings that every line of btcli reads. A network that it knows by no name is its business to refuse. */
function forBtcli(line: string, typed: readonly Typed[]): string[] {
  return typed.flatMap(({ flag, value }) => {
    if (flag !== 'network' && flag !== 'netuid' && !flag.startsWith('wallet-')) return [];
    const spelling = flag === 'network' ? 'subtensor.network' : flag.replace('-', '.');
    return says(line, spelling) ? [] : [option(`--${spelling}`, value)];
  });
}

const says = (line: string, flag: string) => line.split(/[ =,]/).includes(`--${flag}`);

/** A value that begins with a dash would be read as a flag. */
const option = (flag: string, value: string) =>
  value.startsWith('-') || value === '' ? `${flag}=${shellWord(value)}` : `${flag} ${shellWord(value)}`;
