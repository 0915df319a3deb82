import { parse } from 'dotenv';

export interface Assignment {
  name: string;
  value: string;
  /** Counted from 1; where the assignment begins. */
  line: number;
}

export interface DotenvFile {
  /** In the order of the file; the last of a name holds. */
  assignments: Assignment[];
  /** What is no assignment, never quoted: it may be a token that lost its name. */
  problems: { line: number; problem: string }[];
}

/** What Python takes for white space, which is not what JavaScript does: the mark of UTF-8 is none, the separators of ASCII and U+0085 are. */
const INLINE = '\\t\\v\\f\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const [SPACES, WHITE] = [`[${INLINE}]*`, `${INLINE}\\r\\n`];

/** An assignment as python-dotenv knows it: name, `=`, a value in quotes (over several lines too) or to the line's end, a comment. */
const ASSIGNMENT = new RegExp(
  [
    `(?:export[${INLINE}]+|(?!export[${INLINE}]))(?:'([^']+)'|(?!')([^=#${WHITE}]+))${SPACES}=(${SPACES})`,
    `(?:'((?:\\\\[\\s\\S]|[^'\\\\])*)'|"((?:\\\\[\\s\\S]|[^"\\\\])*)"|(?!['"]|[${INLINE}])([^\\r\\n]*))`,
    `${SPACES}(?:#[^\\r\\n]*)?(?=\\r|\\n|$)`,
  ].join(''),
  'y',
);
const BLANK = new RegExp(`${SPACES}(?:#[^\\r\\n]*)?(?=\\r|\\n|$)`, 'y');
const REST = /[^\r\n]*/y;
const SPACE = new RegExp(SPACES, 'y');
const COMMENT = new RegExp(`[${WHITE}]+#[^\\n]*`);
const END_SPACE = new RegExp(`[${WHITE}]+$`);
const LINE_END = /\r\n|\r|\n/y;
const ESCAPES: Record<string, string> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

/**
 * The assignments of a `.env` file, as python-dotenv reads them. The dotenv package reads what it reads alike; it ends a value at any `#`, knows
 * two escapes, takes backquotes for quotes, and passes over what it does not know, so that is read here. Where python-dotenv and a shell
 * differ, the careful one holds: single quotes keep `${NAME}` as it is written, and a `${NAME}` that nothing sets is a problem.
 */
export function parseDotenv(bytes: Uint8Array, env: Record<string, string | undefined>): DotenvFile {
  const file: DotenvFile = { assignments: [], problems: [] };
  let text: string;
  try {
    text = decode(bytes);
  } catch {
    file.problems.push({ line: 1, problem: 'is neither UTF-8 nor UTF-16 with its mark at the beginning' });
    return file;
  }
  let line = 1;
  const known: Record<string, string | undefined> = {};
  for (let at = 0; at < text.length; ) {
    const take = (pattern: RegExp) => {
      pattern.lastIndex = at;
      return pattern.exec(text);
    };
    at += take(SPACE)![0].length;
    const blank = take(BLANK);
    const match = blank === null ? take(ASSIGNMENT) : null;
    if (match !== null) {
      const name = (match[1] ?? match[2])!;
      const { value, unset } = expand(match, { ...known, ...env });
      if (unset !== null)
        file.problems.push({ line, problem: `${name} takes \${${unset}}, which nothing sets` });
      known[name] = value;
      file.assignments.push({ name, value, line });
    } else if (blank === null) file.problems.push({ line, problem: 'is no assignment (NAME=value)' });
    const taken = (blank ?? match ?? take(REST)!)[0];
    at += taken.length;
    const end = take(LINE_END)?.[0] ?? '';
    at += end.length;
    line += taken.split(/\r\n|\r|\n/).length - 1 + (end === '' ? 0 : 1);
  }
  return file;
}

/** The value of a match of `ASSIGNMENT`, and the variable in it that nothing sets. */
function expand(
  [whole, , , space, single, double, bare]: RegExpExecArray,
  variables: Record<string, string | undefined>,
): { value: string; unset: string | null } {
  if (single !== undefined) return { value: single.replace(/\\([\\'])/g, '$1'), unset: null };
  let unset: string | null = null;
  const value = read().replace(/\$\{([^}:]*)(?::-([^}]*))?\}/g, (_, name: string, otherwise?: string) => {
    const found = variables[name] ?? otherwise;
    if (found === undefined) unset ??= name;
    return found ?? '';
  });
  return { value, unset };

  function read(): string {
    if (double !== undefined) return double.replace(/\\([\\'"abfnrtv])/g, (_, c: string) => ESCAPES[c] ?? c);
    if (/[#`\r]|[^\t -~]/.test(whole)) {
      if (space !== '' && bare!.startsWith('#')) return '';
      return bare!.replace(COMMENT, '').replace(END_SPACE, '');
    }
    return Object.values(parse(`NAME=${bare}`))[0] ?? '';
  }
}

function decode(bytes: Uint8Array): string {
  const [a, b] = bytes;
  const encoding = a === 0xff && b === 0xfe ? 'utf-16le' : a === 0xfe && b === 0xff ? 'utf-16be' : 'utf-8';
  const text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
  if (text.includes('\0')) throw new Error('UTF-16 without its mark, or no text');
  return text;
}
