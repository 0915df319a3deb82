import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseJson, type Spans } from '../../src/text/strict-json.ts';
import { attack } from '../support/attack.ts';

describe('parseJson', () => {
  it('agrees with JSON.parse on every JSON value', async () => {
    await attack(
      'JSON: as JSON.parse reads it',
      fc.property(fc.json({ noUnicodeString: false }), (text) => {
        const value = parseJson(text);
        expect(JSON.stringify(value)).toBe(JSON.stringify(JSON.parse(text)));
      }),
      { short: 500 },
    );
  });

  it('accepts nothing that JSON.parse refuses, and throws only SyntaxError', async () => {
    await attack(
      'JSON: nothing that JSON.parse refuses',
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json().chain((t) => fc.integer({ min: 0, max: t.length }).map((n) => t.slice(0, n))),
        ),
        (text) => {
          let accepted = true;
          try {
            parseJson(text);
          } catch (error) {
            expect(error).toBeInstanceOf(SyntaxError);
            accepted = false;
          }
          if (accepted) expect(() => JSON.parse(text)).not.toThrow();
        },
      ),
      { short: 1000 },
    );
  });

  it.each([
    ['a duplicate key', '{"a":1,"a":2}'],
    ['a duplicate key in disguise', '{"a":1,"\\u0061":2}'],
    ['a lone surrogate', '["\\ud800"]'],
    ['a number beyond any float', '1e400'],
    ['nesting beyond measure', '['.repeat(200) + ']'.repeat(200)],
    ['a byte-order mark', '\ufeff{}'],
    ['NaN, without leave', '[NaN]'],
  ])('refuses %s', (_, text) => {
    expect(() => parseJson(text)).toThrow(SyntaxError);
  });

  it('keeps __proto__ an ordinary key', () => {
    const value = parseJson('{"__proto__":{"polluted":true}}') as Record<string, unknown>;
    expect(Object.keys(value)).toEqual(['__proto__']);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    expect((value as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it("reads Python's NaN and Infinity when told to, and says where top-level values stand", () => {
    const spans: Spans = new Map();
    const text = '{ "a": -Infinity, "b": [1, {"a": 2}] }';
    expect(parseJson(text, { python: true, spans })).toEqual({
      a: Number.NEGATIVE_INFINITY,
      b: [1, { a: 2 }],
    });
    expect([...spans].map(([key, [start, end]]) => [key, text.slice(start, end)])).toEqual([
      ['a', '-Infinity'],
      ['b', '[1, {"a": 2}]'],
    ]);
  });
});
