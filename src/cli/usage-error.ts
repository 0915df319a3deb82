import { stripVTControlCharacters } from 'node:util';
import { PtError, UserError } from '../errors.ts';
import { didYouMean } from '../text/suggest.ts';

interface ParserError extends Error {
  flags?: string[];
  args?: { name: string }[] | string[];
}

const PARSE_PREFIX = /^Parsing --(\S+) \n\t/;

/**
 * Turns what oclif's parser throws into a `UserError` (exit 2) with suggestions. Nothing of the parser's context (it holds argv)
 * is kept.
 */
export function usageError(error: unknown, flagNames: string[], command: string): unknown {
  if (!(error instanceof Error)) return error;
  const message = stripVTControlCharacters(error.message)
    .replace(/\nSee more help with --help$/, '')
    .trim();
  if (error instanceof PtError) {
    error.message = message.replace(PARSE_PREFIX, (_, flag) => (/\n\t--/.test(message) ? '' : `--${flag}: `));
    return error;
  }
  const { flags, args } = error as ParserError;
  const help = `pt ${command} --help`;
  const fail = (code: string, text: string, ...first: string[]) =>
    new UserError(`usage.${code}`, text, { nextSteps: [...first, help] });
  switch (error.constructor.name) {
    case 'NonExistentFlagsError': {
      const known = flagNames.map((name) => `--${name}`);
      const unknown = (flags ?? []).map((flag) => flag.split('=')[0] ?? flag);
      const hints = unknown.map((flag) => didYouMean(flag, known)).join('');
      return fail('unknown_flag', `Unknown flag ${unknown.join(', ')}.${hints}`);
    }
    case 'UnexpectedArgsError':
      return fail('unexpected_argument', `Unexpected argument: ${(args as string[]).join(', ')}`);
    case 'RequiredArgsError': {
      const names = (args as { name: string }[]).map(({ name }) => name.toUpperCase());
      return fail('missing_argument', `Missing argument: ${names.join(', ')}`);
    }
    case 'FlagInvalidOptionError':
    case 'ArgInvalidOptionError': {
      const match = /^Expected ([\s\S]*) to be one of: (.*)$/.exec(message);
      if (!match) return fail('bad_value', message);
      const [, given = '', list = ''] = match;
      const value = given.replace(/^--[^=]+=/, '');
      const hint = didYouMean(value, list.split(', '));
      return fail('bad_value', `${given}: must be one of ${list}.${hint}`);
    }
    default: {
      const inFlag = PARSE_PREFIX.exec(message);
      if (inFlag) return fail('bad_value', `--${inFlag[1]}: ${message.replace(PARSE_PREFIX, '')}`);
      return 'oclif' in error ? fail('bad_flags', related(message.replace(/\s*\n\s*/g, ' '))) : error;
    }
  }
}

/** What the parser says of flags that need or exclude one another, shortly. */
const related = (message: string): string =>
  message
    .replace(/^The following errors? occurred: /, '')
    .replace(
      /All of the following must be provided when using (--\S+): (--[^.]*)$/,
      '$1 does nothing without $2.',
    )
    .replace(
      /(--[^\s=]+)(=\S*)? cannot also be provided when using (--\S+)$/,
      '$1 and $3 exclude one another.',
    );
