import fc from 'fast-check';
import { expect, test } from 'vitest';
import { UserError } from '../../src/errors.ts';
import { harmless, isAsciiLocale, presentable, toAscii } from '../../src/text/harmless.ts';
import { publicReport } from '../../src/ui/report.ts';

test('escape sequences are dropped, controls and bidirectional characters shown', () => {
  expect(harmless('\u001b[31mred\u001b[0m')).toBe('red');
  expect(harmless('\u001b]8;;http://evil\u0007link\u001b]8;;\u0007')).toBe('link');
  expect(harmless('a\rb\nc')).toBe('a\\u{d}b\\u{a}c');
  expect(harmless('a\nb\tc', { lines: true })).toBe('a\nb\tc');
  expect(harmless('safe\u202Eexe.txt')).toBe('safe\\u{202e}exe.txt');
  expect(harmless('zero\u200bwidth')).toBe('zero\\u{200b}width');
  expect(harmless('tag\u{e0041} soft\u00adhyphen')).toBe('tag\\u{e0041} soft\\u{ad}hyphen');
  expect(harmless('lone \ud800 surrogate')).toBe('lone \\u{d800} surrogate');
  expect(harmless('München 模型 🚀')).toBe('München 模型 🚀');
});

test('nothing that a terminal obeys is left in any text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
      expect(harmless(text)).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
    }),
  );
});

test('what looks like a token is hidden', () => {
  expect(presentable('Unexpected argument: hf_abcDEF1234567')).toBe('Unexpected argument: hf_***');
  expect(presentable('half_price')).toBe('half_price');
});

test('a C locale gets ASCII', () => {
  expect(isAsciiLocale({ LANG: 'C' })).toBe(true);
  expect(isAsciiLocale({ LC_ALL: 'C.UTF-8', LANG: 'C' })).toBe(false);
  expect(isAsciiLocale({})).toBe(false);
  expect(toAscii('✓ done … ≤ 5 → next')).toBe('ok done ... <= 5 -> next');
});

test('reports hide tokens wherever the text came from', () => {
  const env = { HF_TOKEN: 'odd-looking-token' };
  const error = new UserError('x.y', 'refused hf_abcdefgh12 and odd-looking-token', {
    nextSteps: ['echo odd-looking-token'],
    details: { deep: [{ header: 'Bearer hf_abcdefgh12' }] },
  });
  const shown = JSON.stringify(publicReport(error, env, '/'));
  expect(shown).not.toMatch(/odd-looking|abcdefgh12/);
  expect(publicReport(new Error('boom'), env, '/')).toMatchObject({ code: 'bug', exitCode: 1 });
});
