/** What to type next, so that it means the same place as the command that says it, and keeps what was typed with that one. */
import { type Caller, calledAs } from '../host/called-as.ts';
import { MASK, mask } from '../secret.ts';
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

/** About one start alone: how it is shown, a password whose redirection is not known here, a webhook that is a secret. */
const NEVER_AGAIN = [
  'json',
  'quiet',
  'no-color',
  'list-competitions',
  'wallet-password-fd',
  'notify',
  'help',
];

/** A setting that was typed: as a flag in whichever spelling, or as a variable before the command. */
export interface Typed {
  /** The flag without dashes. */
  flag: string;
  /** Null: a switch. */
  value: string | null;
  /** What stands in a command for a value that holds a key; the variable that the setting has beside its flag. */
  variable?: string;
}

/** The command line that says the step. */
export interface CommandLine {
  /** `sandbox start` */
  words: string;
  args: readonly string[];
  /** Its flags as they were typed, in that order; a switch that was turned off is `no-…`. */
  flags: readonly Typed[];
  /** Those of them that a step which says these flags leaves out. */
  leaves: (said: ReadonlySet<string>) => ReadonlySet<string>;
}

/** What was typed of where a command acts. What stands in files is found again without being typed. */
export function typedSettings(rows: readonly SettingRow[]): Typed[] {
  return WHERE.flatMap((flag) => {
    const row = rows.find(({ key }) => key === flag);
    if (row === undefined || row.value === null) return [];
    const { origin } = row;
    const value = String(row.value);
    if (!/^(flag|environment) /.test(origin)) return [];
    if (!(URL.canParse(value) && value.includes(MASK))) return [{ flag, value }];
    // Its key is shown nowhere: the variable that it came from has it, or can be given it.
    return origin.startsWith('environment ') ? [] : [{ flag, value, variable: row.env[0]! }];
  });
}

/** A step by the name under which the tool can be called here (`host/called-as.ts`); sentences that speak of `pt` stay as they are. */
export const typedHere = (step: string, caller: Caller): string =>
  step.replace(/^(eval "\$\()?pt (?=[a-z-])/, (_, before = '') => `${before}${calledAs(caller)} `);

/** The process that runs the command. */
export const thisCaller = (): Caller => ({
  env: process.env,
  cwd: process.cwd(),
  script: process.argv[1],
});

/** Flags that a command takes, by its words (`sandbox start`); null: there is no such command. */
export type Takes = (words: string) => ReadonlySet<string> | null;

/** What those who do not know the command line write for the command itself, with one flag more or less. */
const SAME = /^The same command (with|without) (--[a-z][a-z0-9-]*)(?: {3}# (.*))?$/;

/** One flag or several, each with a value of one word or quoted. */
const ONLY_FLAGS =
  /^--[a-z][a-z0-9-]*( ('[^']*'|[^\s,'-][^\s,']*))?( --[a-z][a-z0-9-]*( ('[^']*'|[^\s,'-][^\s,']*))?)*$/;

/**
 * A step with what was typed, as far as its command takes it and it does not say it already, in its comment (`# without --competition`) too; to
 * be pasted as it stands. A step that is the command which says it, or only flags (`--competition 0`), is that command mended: it keeps what
 * else was typed. Sentences and other programs' commands stay as they are, but for `btcli`, which acts in the same place.
 */
export function inContext(
  step: string,
  typed: readonly Typed[],
  takes: Takes,
  line: CommandLine | null = null,
): string {
  const same = line === null ? null : SAME.exec(step);
  if (line !== null && same !== null) {
    const [, how, flag, why] = same;
    const whole = ['pt', line.words, ...line.args.map(shellWord), ...(how === 'with' ? [flag] : [])].join(
      ' ',
    );
    const told = [...(how === 'without' ? [`without ${flag}`] : []), ...(why ? [why] : [])].join(', ');
    return inContext(told === '' ? whole : `${whole}   # ${told}`, typed, takes, line);
  }
  const [, command, comment = ''] = /^(.*?)(\s{2,}#.*)?$/s.exec(step)!;
  if (line !== null && ONLY_FLAGS.test(command!)) {
    const whole = ['pt', line.words, ...line.args.map(shellWord), `${command}${comment}`].join(' ');
    return inContext(whole, typed, takes, line);
  }
  const [program, ...words] = command!.split(' ');
  if (program === 'btcli') return `${[command, ...forBtcli(command!, typed)].join(' ')}${comment}`;
  if (program !== 'pt') return step;
  const two = words.slice(0, 2).join(' ');
  const name = takes(two) === null ? (words[0] ?? '') : two;
  const known = takes(name);
  if (known === null) return step;
  const said = saidIn(step);
  const again = line?.words === name && !said.has('help') ? keptOf(line, said) : [];
  const kept = new Set(again.map(({ flag }) => flag));
  const where = typed.filter(({ flag }) => known.has(flag) && !said.has(flag) && !kept.has(flag));
  const asVariable = where.concat(typed.filter(({ flag, variable }) => variable && kept.has(flag)));
  const note = asVariable.flatMap(({ variable }) => (variable === undefined ? [] : [variable]));
  const told = note.length === 0 ? '' : `   # ${note.join(', ')}: the address with its key`;
  const more = [
    ...again.map((each) => typed.find((one) => one.flag === each.flag && one.variable) ?? each),
    ...where,
  ];
  return `${[command, ...more.map(option)].join(' ')}${comment || told}`;
}

/** Steps in context, each once, without one that is what was typed and nothing else: it would say the same again. */
export function allInContext(
  steps: readonly string[],
  typed: readonly Typed[],
  takes: Takes,
  line: CommandLine | null,
): string[] {
  const useful = steps.filter((step) => line === null || step !== `pt ${line.words}` || steps.length === 1);
  return [...new Set(useful.map((step) => inContext(step, typed, takes, line)))];
}

/** What of the command line a step keeps that is the same command and says `said` itself. */
function keptOf({ flags, leaves }: CommandLine, said: ReadonlySet<string>): Typed[] {
  const left = leaves(said);
  return flags.filter(({ flag }) => {
    const positive = flag.replace(/^no-/, '');
    const gone = [flag, positive].some((name) => said.has(name) || left.has(name));
    return !gone && !NEVER_AGAIN.includes(flag);
  });
}

/** Spellings that every line of btcli reads. A network that it knows by no name is its business to refuse. */
function forBtcli(line: string, typed: readonly Typed[]): string[] {
  const said = saidIn(line);
  return typed.flatMap((each) => {
    const { flag } = each;
    if (flag !== 'network' && flag !== 'netuid' && !flag.startsWith('wallet-')) return [];
    const spelling = flag === 'network' ? 'subtensor.network' : flag.replace('-', '.');
    return said.has(spelling) ? [] : [option({ ...each, flag: spelling })];
  });
}

/** Names of the flags in a line, those in its comment too. */
const saidIn = (line: string): Set<string> =>
  new Set(line.split(/[ =,]/).flatMap((word) => (word.startsWith('--') ? [word.slice(2)] : [])));

/** A value that begins with a dash would be read as a flag. */
function option({ flag, value, variable }: Typed): string {
  if (variable !== undefined) return `--${flag} "$${variable}"`;
  if (value === null) return `--${flag}`;
  const shown = mask(value);
  return shown.startsWith('-') || shown === ''
    ? `--${flag}=${shellWord(shown)}`
    : `--${flag} ${shellWord(shown)}`;
}
