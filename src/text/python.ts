/** Text as Python's validators handle it: what `str.strip`, `int`, `re`, `json.dumps` and `Path.stem` do, where JavaScript does otherwise. */

const SPACES = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const AROUND = new RegExp(`^[${SPACES}]+|[${SPACES}]+$`, 'gu');

/** `str.strip()`: other characters than JavaScript's `trim`, which takes a byte order mark and leaves U+001C to U+001F. */
export function pythonStrip(text: string): string {
  return text.replace(AROUND, '');
}

const INTEGER = new RegExp(`^[${SPACES}]*([+-]?)(\\p{Nd}+(?:_\\p{Nd}+)*)[${SPACES}]*$`, 'u');

/** `int(text)`: spaces around, `_` between digits and any script's digits are fine. Null where Python raises, or beyond safe integers. */
export function pythonInt(text: string): number | null {
  const match = INTEGER.exec(text);
  if (!match) return null;
  const digits = [...match[2]!.replaceAll('_', '')].map(digitValue).join('');
  const value = Number(`${match[1]}${digits}`);
  return Number.isSafeInteger(value) ? value + 0 : null;
}

/** Decimal digits lie in runs of ten (or several tens) from each script's zero on. */
function digitValue(char: string): number {
  const code = char.codePointAt(0)!;
  let start = code;
  while (/\p{Nd}/u.test(String.fromCodePoint(start - 1))) start--;
  return (code - start) % 10;
}

/** An escape, a class of characters, or one of the signs that mean something else in JavaScript. */
const PARTS = /\\[\s\S]|\[\^?\]?(?:\\[\s\S]|[^\]\\])*\]|[$.]/gu;

/**
 * `re.match(source, text)` for patterns that both languages write alike: it begins at the start, `$` also stands before a last newline, and
 * `.` is anything but a newline. Throws `SyntaxError`.
 */
export function pythonPattern(source: string): RegExp {
  const translated = source.replace(PARTS, (part) =>
    part === '$' ? '(?=\\n?(?![\\s\\S]))' : part === '.' ? '[^\\n]' : part === '\\Z' ? '(?![\\s\\S])' : part,
  );
  return new RegExp(`^(?:${translated})`, 'u');
}

const SHORT: Record<string, string> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\b': '\\b',
  '\f': '\\f',
};

/** A value as `json.dumps` writes it: plain ASCII, with `", "` and `": "` between (`python`) or without spaces (`compact`). */
export function pythonJson(value: unknown, style: 'python' | 'compact'): string {
  const [comma, colon] = style === 'python' ? [', ', ': '] : [',', ':'];
  if (typeof value === 'string')
    return `"${value.replace(/[^ !#-[\]-~]/g, (unit) => SHORT[unit] ?? `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)}"`;
  if (Array.isArray(value)) return `[${value.map((each) => pythonJson(each, style)).join(comma)}]`;
  if (value !== null && typeof value === 'object')
    return `{${Object.entries(value)
      .map(([key, each]) => `${pythonJson(key, style)}${colon}${pythonJson(each, style)}`)
      .join(comma)}}`;
  return JSON.stringify(value) ?? 'null';
}

/** Python's truth of a value read from JSON. */
export function isTruthy(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (value !== null && typeof value === 'object') return Object.keys(value).length > 0;
  return Boolean(value) || Number.isNaN(value);
}

/** `str(value)` of a value read from JSON, for those whose text does not depend on nesting; null for lists and objects. */
export function pythonText(value: unknown): string | null {
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return typeof value === 'string' || typeof value === 'number' ? String(value) : null;
}

/** `Path(text).stem`: the last part without its last ending. */
export function pythonStem(text: string): string {
  const name =
    text
      .split('/')
      .filter((part) => part !== '' && part !== '.')
      .at(-1) ?? '';
  const dot = name.lastIndexOf('.');
  return dot > 0 && dot < name.length - 1 ? name.slice(0, dot) : name;
}
