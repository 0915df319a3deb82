import type { Manifest, ManifestCommand, ManifestFlag } from '../manifest.ts';
import { visibleIds } from '../manifest.ts';

/** Values that only this machine knows; asked for when a flag or argument wants them. */
export type DynamicKind =
  | 'network'
  | 'profile'
  | 'choice'
  | 'recipe'
  | 'dataset'
  | 'wallet'
  | 'hotkey'
  | 'run'
  | 'competition';

/** The answer that means "file names"; each shell has its own way to complete those. */
export const FILES = ':files';

const BY_FLAG: Record<string, DynamicKind> = {
  network: 'network',
  profile: 'profile',
  recipe: 'recipe',
  'wallet-name': 'wallet',
  'wallet-hotkey': 'hotkey',
  resume: 'run',
  'decay-from': 'run',
  competition: 'competition',
  data: 'dataset',
  'duel-data': 'dataset',
};

/** Words that a flag takes beside what cannot be listed. */
const WORDS: Record<string, string[]> = { against: ['best', 'king'], lr: ['auto'], bs: ['auto'] };

const FILE_FLAGS = /(^|-)(dir|path|model|config|file|data|out|html)$/;

/** What an argument is, by its name, or by its command's and its own. */
const BY_ARGUMENT: Record<string, DynamicKind | typeof FILES> = {
  run: 'run',
  profile: 'profile',
  'use name': 'choice',
  model: FILES,
};

/**
 * What can stand where the cursor is. `words` are those before it (without `pt`), `current` is the begun one, possibly empty.
 * `dynamic` is called at most once.
 */
export async function complete(
  manifest: Manifest,
  words: string[],
  current: string,
  dynamic: (kind: DynamicKind, words: string[]) => Promise<string[]>,
): Promise<string[]> {
  const joined = /^(--[^=]+)=(.*)$/s.exec(current);
  if (joined !== null) {
    const [, flag, value] = joined;
    const found = await complete(manifest, [...words, flag!], value!, dynamic);
    return found[0] === FILES ? found : found.map((each) => `${flag}=${each}`);
  }
  const fitting = (candidates: string[]) =>
    [...new Set(candidates)].filter((candidate) => candidate.startsWith(current)).toSorted();
  /** What has a name; what has none of these is a file. */
  const orFiles = (candidates: string[]) => {
    const found = fitting(candidates);
    return found.length > 0 ? found : [FILES];
  };
  const { command, path, args } = commandOf(manifest, words);
  const ids = visibleIds(manifest).map((id) => id.split(':'));
  const below = ids
    .filter((id) => path.every((word, i) => id[i] === word) && id.length > path.length)
    .map((id) => id[path.length]!);
  if (!command) return fitting(below);
  // Bash takes --flag=value apart.
  if (words.at(-1) === '=') return complete(manifest, words.slice(0, -1), current, dynamic);
  const before = words.at(-1) ?? '';
  if (current === '=') return complete(manifest, words, '', dynamic);
  const flag = before.startsWith('--') ? findFlag(command, before.slice(2)) : null;
  if (flag?.type === 'option') {
    if (flag.options) return fitting(flag.options);
    const kind = BY_FLAG[flag.name];
    if (WORDS[flag.name])
      return flag.name === 'against' ? orFiles(WORDS.against!) : fitting(WORDS[flag.name]!);
    if (kind === 'dataset') return orFiles(await dynamic(kind, words));
    if (kind) return fitting(await dynamic(kind, words));
    return FILE_FLAGS.test(flag.name) ? [FILES] : [];
  }
  if (current.startsWith('-')) return fitting(flagNames(command));
  const known = Object.values(command.args);
  const argument = known[args] ?? (command.strict === false ? known.at(-1) : undefined);
  // Commands of their own under one that is one too: `runs`, and `runs rm`.
  if (args === 0 && before === path.at(-1) && below.length > 0)
    return fitting([...below, ...(argument ? [] : flagNames(command))]);
  if (!argument) return current === '' ? fitting(flagNames(command)) : [];
  if (argument.options) return fitting(argument.options);
  const kind = BY_ARGUMENT[`${path.join(' ')} ${argument.name}`] ?? BY_ARGUMENT[argument.name];
  if (kind === undefined) return [];
  return kind === FILES ? [FILES] : fitting(await dynamic(kind, words));
}

/** The candidates with what each is for, after a tab; names that only this machine knows have none. */
export function described(manifest: Manifest, words: string[], candidates: string[]): string[] {
  const { command, path } = commandOf(manifest, words);
  const before = words.at(-1) ?? '';
  const isValue = before.startsWith('--') && command && findFlag(command, before.slice(2))?.type === 'option';
  return candidates.map((candidate) => {
    const flag = command && candidate.startsWith('--') ? findFlag(command, candidate.slice(2)) : null;
    const off = flag === null && command ? findFlag(command, candidate.replace(/^--no-/, '')) : null;
    const below = aboutCommand(manifest, [...path, candidate]);
    const about = command
      ? below !== '' && words.at(-1) === path.at(-1)
        ? below
        : isValue
          ? undefined
          : (flag?.summary ?? (off === null ? undefined : `not: ${off.summary}`))
      : aboutCommand(manifest, [...path, candidate]);
    return about === undefined ? candidate : `${candidate}\t${about.replaceAll(/\s+/g, ' ')}`;
  });
}

/** The summary of a command, or which ones are under a word. */
function aboutCommand(manifest: Manifest, path: string[]): string {
  const id = path.join(':');
  const own = manifest[id]?.summary;
  if (own !== undefined) return own;
  const under = visibleIds(manifest).filter((each) => each.startsWith(`${id}:`));
  return under.map((each) => each.slice(id.length + 1).replaceAll(':', ' ')).join(', ');
}

/** The command that the words name, how far they lead, and how many arguments stand already. */
function commandOf(manifest: Manifest, words: string[]) {
  let path: string[] = [];
  for (const [at, word] of words.entries()) {
    if (word.startsWith('-')) continue;
    path = [...path, word.replaceAll('_', '-')];
    const command = manifest[path.join(':')];
    // The longest that is one: `runs rm`, not `runs` and an argument.
    if (command && manifest[[...path, words[at + 1]].join(':')]) continue;
    if (command) return { command, path, args: countArguments(command, words.slice(at + 1)) };
  }
  return { command: null, path, args: 0 };
}

function countArguments(command: ManifestCommand, words: string[]): number {
  let [count, takesValue] = [0, false];
  for (const word of words) {
    if (takesValue) takesValue = false;
    else if (word.startsWith('--')) takesValue = findFlag(command, word.slice(2))?.type === 'option';
    else if (!word.startsWith('-')) count += 1;
  }
  return count;
}

function findFlag(command: ManifestCommand, typed: string): ManifestFlag | null {
  const name = typed.replace(/[._]/g, '-');
  return (
    Object.values(command.flags).find((flag) => flag.name === name || flag.aliases?.includes(name)) ?? null
  );
}

const flagNames = (command: ManifestCommand): string[] =>
  Object.values(command.flags)
    .filter(({ hidden }) => !hidden)
    .flatMap(({ name, allowNo }) => (allowNo ? [`--${name}`, `--no-${name}`] : [`--${name}`]));
