import { stripVTControlCharacters } from 'node:util';
import { mask } from '../secret.ts';

/** Format characters: bidirectional overrides, zero-width and tag characters, all that is invisible and makes text look like another. */
const INVISIBLE = /\p{Cf}/gu;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/gu;
const LONE_SURROGATE = /\p{Surrogate}/gu;

const escapeChar = (char: string) => `\\u{${char.codePointAt(0)?.toString(16)}}`;

/**
 * Text from strangers (chain, Hub, model folders, Python) made safe for a terminal: escape sequences are dropped, every other
 * control, bidirectional or invisible character is shown as `\u{…}`. Line breaks too, unless `lines` is set.
 */
export function harmless(text: string, options: { lines?: boolean } = {}): string {
  const clean = stripVTControlCharacters(text)
    .replace(CONTROL, (char) => (options.lines && (char === '\n' || char === '\t') ? char : escapeChar(char)))
    .replace(INVISIBLE, escapeChar);
  return clean.replace(LONE_SURROGATE, escapeChar);
}

/** Text as it may be shown: harmless, and without secrets. Masked last, when nothing invisible can stand inside a secret any more. */
export const presentable = (text: string, options: { lines?: boolean } = {}): string =>
  mask(harmless(text, options));

const ASCII: Record<string, string> = {
  '✓': 'ok',
  '✗': 'x',
  '…': '...',
  '→': '->',
  '·': '-',
  '━': '#',
  '╸': '#',
  '─': '-',
  '–': '-',
  '—': '-',
  '≤': '<=',
  '≥': '>=',
  '’': "'",
  '“': '"',
  '”': '"',
};

/** The same text for a terminal whose locale cannot show more than ASCII (`LANG=C`). */
export function toAscii(text: string): string {
  return text.replace(/[✓✗…→·━╸─–—≤≥’“”]/g, (char) => ASCII[char] ?? '?');
}

/** Whether the locale says that only ASCII can be shown; no locale at all counts as UTF-8. */
export function isAsciiLocale(env: NodeJS.ProcessEnv): boolean {
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG || '';
  return locale !== '' && !/utf-?8/i.test(locale);
}
