/**
 * What a terminal would act on or hide: C1 controls, line separators, and format characters (bidirectional overrides, zero-width and
 * tag characters). Controls below U+0020 and lone surrogates are escaped by `JSON.stringify` itself, so that raw line breaks are layout.
 */
const UNSEEN = /[\u007f-\u009f\u2028\u2029\p{Cf}]/gu;
const BEYOND_ASCII = /[^\n -~]/gu;

export interface JsonTextOptions {
  /** Spaces a level for people; left out: one line. */
  indent?: number | undefined;
  /** Nothing but ASCII, for a terminal whose locale shows no more. */
  ascii?: boolean;
}

/**
 * A value as JSON that is safe on a terminal whoever wrote its texts, and that parses back to the same strings: what is dangerous
 * stands as `\u….`. NaN and infinity become null, a bigint its decimal digits as a string, a Date its ISO time.
 */
export function jsonText(value: unknown, { indent, ascii = false }: JsonTextOptions = {}): string {
  const exact = (_: string, inner: unknown) => (typeof inner === 'bigint' ? inner.toString() : inner);
  return JSON.stringify(value, exact, indent).replace(ascii ? BEYOND_ASCII : UNSEEN, escaped);
}

/** Each UTF-16 unit as `\uXXXX`. In JSON such a character stands only inside strings, where this means the same. */
function escaped(character: string): string {
  return Array.from(
    { length: character.length },
    (_, unit) => `\\u${character.charCodeAt(unit).toString(16).padStart(4, '0')}`,
  ).join('');
}
