import fc from 'fast-check';
import stringWidth from 'string-width';
import { expect, test } from 'vitest';
import { presentable } from '../../src/text/harmless.ts';
import { type Column, cutText, layTable } from '../../src/text/table.ts';

const columns: Column[] = [
  { title: 'UID', align: 'right' },
  { title: 'HOTKEY', narrow: 'under' },
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

test('narrow: names stand whole under their row, and prose goes on in the next line', () => {
  expect(layTable(columns, rows, 34)).toEqual([
    'UID  REPO',
    '  0  me/first',
    '  HOTKEY',
    '  5FZFaQzWLAqXfxvBcVmo8HwAbNmE64q1LPHmV8J77yDdiVLF',
    '117  -',
    '  HOTKEY',
    '  5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY',
  ]);
  const prose: Column[] = [{ title: 'rule' }, { title: 'finding', narrow: 'wrap' }];
  expect(layTable(prose, [['size', 'one two three four five six seven']], 32)).toEqual([
    'rule  finding',
    'size  one two three four five',
    '      six seven',
  ]);
});

test('a column stays beside as long as most of its cells fit there', () => {
  const some = ['me/a', 'me/b', `someone/${'x'.repeat(30)}`].map((repo, i) => [i, repo]);
  expect(layTable([{ title: 'N' }, { title: 'REPO', narrow: 'under' }], some, 20)).toEqual([
    'N  REPO',
    '0  me/a',
    '1  me/b',
    '2',
    '  REPO',
    `  someone/${'x'.repeat(30)}`,
  ]);
});

test('20 columns: each row becomes a block, with nothing cut', () => {
  const many = ['A', 'B', 'C', 'D', 'E'].map((title) => ({ title }));
  const row = ['long value number one', 'x'.repeat(30), 'y'.repeat(9), 'zzzzzzzz', ''];
  expect(layTable(many, [row], 20)).toEqual([
    'A: long value number',
    '  one',
    'B:',
    `  ${'x'.repeat(30)}`,
    'C: yyyyyyyyy',
    'D: zzzzzzzz',
  ]);
});

test('no line is wider than the terminal but a single word, and every word of every cell is there', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(fc.string({ unit: 'grapheme', maxLength: 40 }), { minLength: 3, maxLength: 3 }), {
        maxLength: 5,
      }),
      fc.integer({ min: 20, max: 140 }),
      (cells, width) => {
        const lines = layTable(columns, cells, width);
        const words = lines.join(' ').split(' ');
        for (const line of lines) {
          if (stringWidth(line) > width) expect(line.trim()).not.toContain(' ');
          expect(line).not.toContain('\n');
        }
        for (const word of cells.flat().flatMap((cell) => presentable(cell).split(' ')))
          if (word !== '') expect(words).toContain(word);
      },
    ),
  );
});

test('cutting keeps wide characters whole', () => {
  expect(cutText('模型模型', 5)).toBe('模型…');
  expect(cutText('abc', 3)).toBe('abc');
  expect(cutText('abcdef', 1)).toBe('…');
});
