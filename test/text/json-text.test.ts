import fc from 'fast-check';
import { expect, test } from 'vitest';
import { jsonText } from '../../src/text/json-text.ts';

/** Text as an attacker writes it: any UTF-16, with what hides or turns text far more often than chance has it. */
const hostile = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        '\u202e',
        '\u2066',
        '\u200b',
        '\u0085',
        '\u2028',
        '\x1b[2J',
        '\x7f',
        '\ufeff',
        '"',
        '\\',
      ),
      fc.constantFrom('\u{e0041}', '\u{1d173}', '\ud800', '\udc00', 'é', '😀', '\n', '\t'),
    ),
  )
  .map((parts) => parts.join(''));
const value = fc.letrec((tie) => ({
  any: fc.oneof(hostile, fc.double({ noDefaultInfinity: true, noNaN: true }), fc.boolean(), tie('object')),
  object: fc.dictionary(hostile, tie('any'), { noNullPrototype: true, maxKeys: 4 }),
}));

test('parses back to the same value, whoever wrote its texts', () => {
  fc.assert(
    fc.property(value.object, fc.constantFrom(undefined, 2), fc.boolean(), (object, indent, ascii) => {
      // What JSON itself keeps: −0 is 0 there, and __proto__ a plain key.
      const kept = JSON.parse(JSON.stringify(object));
      expect(JSON.parse(jsonText(object, { indent, ascii }))).toEqual(kept);
    }),
  );
});

test('holds no character that a terminal acts on or hides, and one line when asked', () => {
  fc.assert(
    fc.property(value.object, (object) => {
      expect(jsonText(object)).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
      expect(jsonText(object, { ascii: true })).toMatch(/^[ -~]*$/);
      expect(jsonText(object, { indent: 2, ascii: true })).toMatch(/^[\n -~]*$/);
    }),
  );
  expect(jsonText({ repo: 'me/\u202eelif\u200b', plain: 'é😀' })).toBe(
    String.raw`{"repo":"me/\u202eelif\u200b","plain":"é😀"}`,
  );
});

test('writes what JSON has no word for as documented', () => {
  const odd = { nan: Number.NaN, inf: -Infinity, big: 2n ** 70n, at: new Date(0), none: undefined };
  expect(JSON.parse(jsonText(odd))).toEqual({
    nan: null,
    inf: null,
    big: '1180591620717411303424',
    at: '1970-01-01T00:00:00.000Z',
  });
});
