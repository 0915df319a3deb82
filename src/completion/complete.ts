import type { Manifest, ManifestCommand, ManifestFlag } from '../manifest.ts';
import { visibleIds } from '../manifest.ts';

/** Values that only this machine knows; asked for when a flag or argument wants them. */
export type DynamicKind = 'network' | 'profile' | 'recipe' | 'wallet' | 'hotkey' | 'run' | 'competition';

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
};

const FILE_FLAGS = /(^|-)(dir|path|model|config|file|data|out|html)$/;

/** What an argument of a command is; by its name. */
const BY_ARGUMENT: Record<string, DynamicKind | typeof FILES> = {
  run: 'run',
  model: FILES,
  dir: FILES,
  models: FILES,
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
  const fitting = (candidates: string[]) =>
    [...new Set(candidates)].filter((candidate) => candidate.startsWith(current)).toSorted();
  const { command, path, args } = commandOf(manifest, words);
  if (!command) {
    const ids = visibleIds(manifest).map((id) => id.split(':'));
    const below = ids.filter((id) => path.every((word, i) => id[i] === word) && id.length > path.length);
    return fitting(below.map((id) => id[path.length]!));
  }
  const before = words.at(-1) ?? '';
  const flag = before.startsWith('--') ? findFlag(command, before.slice(2)) : null;
  if (flag?.type === 'option') {
    if (flag.options) return fitting(flag.options);
    const kind = BY_FLAG[flag.name];
    if (kind) return fitting(await dynamic(kind, words));
    return FILE_FLAGS.test(flag.name) ? [FILES] : [];
  }
  if (current.startsWith('-')) return fitting(flagNames(command));
  const argument = Object.values(command.args)[args];
  if (!argument) return current === '' ? fitting(flagNames(command)) : [];
  if (argument.options) return fitting(argument.options);
  const kind = BY_ARGUMENT[argument.name];
  return kind === FILES || kind === undefined ? [FILES] : fitting(await dynamic(kind, words));
}

/** The candidates with what each is for, after a tab; names that only this machine knows have none. */
export function described(manifest: Manifest, words: string[], candidates: string[]): string[] {
  const { command, path } = commandOf(manifest, words);
  const before = words.at(-1) ?? '';
  const isValue = before.startsWith('--') && command && findFlag(command, before.slice(2))?.type === 'option';
  return candidates.map((candidate) => {
    const flag = command && candidate.startsWith('--') ? findFlag(command, candidate.slice(2)) : null;
    const off = flag === null && command ? findFlag(command, candidate.replace(/^--no-/, '')) : null;
    const about = command
      ? isValue
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
