/**
 * A strict JSON reader for files that strangers wrote. Unlike `JSON.parse` it refuses duplicate keys (but as Python), lone surrogates and deep
 * nesting, keeps `__proto__` an ordinary key, and lets the caller see a number as it was written.
 */

/** A parsed object has no prototype, so no key means anything special. */
export type JsonObject = Record<string, unknown>;

/** Where a top-level value stands in the text: [start, end) in UTF-16 units. */
export type Spans = Map<string, [number, number]>;

export interface JsonOptions {
  /** Makes a value of a number token; default `Number`. */
  number?: (token: string) => unknown;
  /** As Python's `json` reads: NaN, Infinity and -Infinity are numbers, and of a key that stands twice the last one counts. */
  python?: boolean;
  /** Filled with the places of the top-level object's values. */
  spans?: Spans;
}

/** Containers inside containers, as the Rust parser of the reference allows. */
const MAX_DEPTH = 127;

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what JSON strings must not hold
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const SPACE = /[ \t\n\r]*/y;
const ESCAPES: Record<string, string> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

/** Throws `SyntaxError` that says what is wrong and where. */
export function parseJson(text: string, options: JsonOptions = {}): unknown {
  let at = 0;
  const toNumber = options.number ?? Number;

  const fail = (what: string): never => {
    throw new SyntaxError(`${what} at character ${at}`);
  };
  const match = (pattern: RegExp): string | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (!found) return null;
    at += found[0].length;
    return found[0];
  };
  const expect = (char: string): void => {
    if (text[at] !== char) fail(at >= text.length ? 'unexpected end' : `expected ${char}`);
    at++;
  };
  const word = (name: string, value: unknown): unknown => {
    if (!text.startsWith(name, at)) fail('unexpected character');
    at += name.length;
    return value;
  };

  function string(): string {
    expect('"');
    let value = '';
    for (;;) {
      value += match(PLAIN);
      const char = text[at];
      if (char === '"') {
        at++;
        break;
      }
      if (char !== '\\') fail(char === undefined ? 'unterminated string' : 'control character in a string');
      at++;
      const letter = text[at++] ?? '';
      if (letter === 'u') {
        const hex = text.slice(at, at + 4);
        if (!/^[0-9a-fA-F]{4}$/.test(hex)) fail('bad \\u escape');
        at += 4;
        value += String.fromCharCode(Number.parseInt(hex, 16));
      } else {
        const plain = ESCAPES[letter];
        if (plain === undefined) fail('bad escape');
        value += plain;
      }
    }
    if (!value.isWellFormed()) fail('lone surrogate in a string');
    return value;
  }

  function number(): unknown {
    const token = match(NUMBER);
    if (token === null) return options.python ? special() : fail('unexpected character');
    if (!Number.isFinite(Number(token))) fail('number out of range');
    return toNumber(token);
  }

  function special(): unknown {
    for (const [name, value] of [
      ['NaN', Number.NaN],
      ['Infinity', Number.POSITIVE_INFINITY],
      ['-Infinity', Number.NEGATIVE_INFINITY],
    ] as const)
      if (text.startsWith(name, at)) return word(name, value);
    return fail(at >= text.length ? 'unexpected end' : 'unexpected character');
  }

  function object(depth: number): JsonObject {
    const value: JsonObject = Object.create(null);
    expect('{');
    match(SPACE);
    if (text[at] === '}') {
      at++;
      return value;
    }
    for (;;) {
      match(SPACE);
      const key = string();
      if (!options.python && Object.hasOwn(value, key)) fail(`duplicate key ${JSON.stringify(key)}`);
      match(SPACE);
      expect(':');
      match(SPACE);
      const start = at;
      value[key] = any(depth);
      if (depth === 1) options.spans?.set(key, [start, at]);
      match(SPACE);
      if (text[at] === ',') {
        at++;
        continue;
      }
      expect('}');
      return value;
    }
  }

  function array(depth: number): unknown[] {
    const value: unknown[] = [];
    expect('[');
    match(SPACE);
    if (text[at] === ']') {
      at++;
      return value;
    }
    for (;;) {
      match(SPACE);
      value.push(any(depth));
      match(SPACE);
      if (text[at] === ',') {
        at++;
        continue;
      }
      expect(']');
      return value;
    }
  }

  function any(depth: number): unknown {
    if (depth > MAX_DEPTH - 1 && (text[at] === '{' || text[at] === '[')) fail('nested too deep');
    switch (text[at]) {
      case '{':
        return object(depth + 1);
      case '[':
        return array(depth + 1);
      case '"':
        return string();
      case 't':
        return word('true', true);
      case 'f':
        return word('false', false);
      case 'n':
        return word('null', null);
      default:
        return number();
    }
  }

  match(SPACE);
  const value = any(0);
  match(SPACE);
  if (at < text.length) fail('text after the end');
  return value;
}

/** Whether a parsed value is an object (not null, not an array). */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Decodes UTF-8 strictly; a byte-order mark stays and is refused by the parser. Throws `TypeError`. */
export function decodeUtf8(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
}
