import type { Parser } from '@oclif/core';
import type { CommandLine, Typed } from './next-steps.ts';

type Raw = Awaited<ReturnType<typeof Parser.parse>>['raw'];

/** Which typed flags a step of the same command leaves out; `typed` and `said` are names without dashes. */
export type Leaves = (said: ReadonlySet<string>, typed: ReadonlySet<string>) => readonly string[];

/** What was typed, as the parser read it. Flags that exclude one that a step says are left out of it, and what the command says of its own. */
export function commandLine(
  words: string,
  raw: Raw,
  known: Record<string, { type: string; exclusive?: unknown[]; exactlyOne?: unknown[] }>,
  leaves: Leaves = () => [],
): CommandLine {
  const flags = raw.flatMap((token): Typed[] => {
    if (token.type !== 'flag') return [];
    const { flag, input } = token;
    if (known[flag]?.type !== 'boolean') return [{ flag, value: input }];
    return [{ flag: input === `--no-${flag}` ? `no-${flag}` : flag, value: null }];
  });
  const args = raw.flatMap((token) => (token.type === 'arg' ? [token.input] : []));
  const names = new Set(flags.map(({ flag }) => flag.replace(/^no-/, '')));
  const excludes = (one: string, other: string) =>
    one !== other &&
    [known[one]?.exclusive, known[one]?.exactlyOne].some((names) => names?.includes(other) ?? false);
  return {
    words,
    args,
    flags,
    leaves: (said) => {
      const against = [...names].filter((name) =>
        [...said].some((other) => excludes(name, other) || excludes(other, name)),
      );
      return new Set([...against, ...leaves(said, names)]);
    },
  };
}
