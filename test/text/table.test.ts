import fc from 'fast-check';
import stringWidth from 'string-width';
import { expect, test } from 'vitest';
import { cutText, layTable } from '../../src/text/table.ts';

const columns = [
  { title: 'UID', align: 'right' as const },
  { title: 'HOTKEY', cut: 'middle' as const },
  { title: 'REPO' },
];
const rows = [
  [0, '5FZFaQzWLAqXfxvBcVmo8HwAbNmE64q1LPHmV8J77yDdiVLF', 'me/first'],
  [117, '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY', null],
];

test('wide enough: nothing is cut', () => {
  expect(layTable(columns, rows, 120)).toEqual([
    'UID  HOTKEY                                            REPO',
    '  0  5FZFaQzWLAqXfxvBcVmo8HwAbNmE64q1LPHmV8J77yDdiVLF  me/first',
    '117  5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY  -',
  ]);
});

test('narrow: the widest column is cut in its middle', () => {
  for (const line of layTable(columns, rows, 34)) expect(stringWidth(line)).toBeLessThanOrEqual(34);
  expect(layTable(columns, rows, 34)[1]).toMatch(/^ {2}0 {2}5FZ\w*…\w*LF {2}me\/first$/);
});

test('20 columns: each row becomes a block', () => {
  const many = ['A', 'B', 'C', 'D', 'E'].map((title) => ({ title }));
  const lines = layTable(
    many,
    [['long value number one', 'x'.repeat(30), 'y'.repeat(9), 'zzzzzzzz', 'wwwwwwww']],
    20,
  );
  expect(lines).toHaveLength(5);
  expect(lines[0]).toBe('A: long value numbe…');
});

test('no line is ever wider than the terminal, whatever is in the cells', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(fc.string({ unit: 'grapheme', maxLength: 40 }), { minLength: 3, maxLength: 3 }), {
        maxLength: 5,
      }),
      fc.integer({ min: 10, max: 140 }),
      (cells, width) => {
        for (const line of layTable(columns, cells, width)) {
          expect(stringWidth(line)).toBeLessThanOrEqual(width);
          expect(line).not.toContain('\n');
        }
      },
    ),
  );
});

test('cutting keeps wide characters whole', () => {
  expect(cutText('模型模型', 5)).toBe('模型…');
  expect(cutText('abc', 3)).toBe('abc');
  expect(cutText('abcdef', 1)).toBe('…');
});
