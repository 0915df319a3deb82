import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { shellWord } from '../../src/text/shell-word.ts';

it('leaves plain paths as they are', () => {
  for (const plain of ['runs/my-run/best', '/a/b_c.d', 'someone/model@0123', 'a=b', '..'])
    expect(shellWord(plain)).toBe(plain);
  expect(shellWord('')).toBe("''");
  expect(shellWord('=ls')).toBe("'=ls'");
  expect(shellWord('~/x')).toBe("'~/x'");
});

it('comes back from a shell as it went in, whatever it holds', () => {
  const hostile = fc.constantFrom(
    ' ',
    "'",
    '"',
    '$(x)',
    '`x`',
    '\\',
    '\n',
    ';',
    '&',
    '*',
    '~',
    '#',
    '!',
    'é',
  );
  const text = fc.array(fc.oneof(hostile, fc.string()), { maxLength: 8 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(text, (value) => {
      fc.pre(!value.includes('\0'));
      const back = execFileSync('sh', ['-c', `printf %s ${shellWord(value)}`], { encoding: 'utf8' });
      expect(back).toBe(value);
    }),
    { numRuns: 150 },
  );
});
