import { expect, test } from 'vitest';
import { parseAge } from '../../src/text/age.ts';
import {
  formatAmount,
  formatBytes,
  formatChance,
  formatCount,
  formatLoss,
  formatOf,
} from '../../src/text/format.ts';

test.each([
  [0.25, '0.25'],
  [999, '999'],
  [1000, '1k'],
  [10_849, '10.8k'],
  [99_960, '100k'],
  [122_000_000, '122M'],
  [999_600_000, '1B'],
  [6_900_000_000, '6.9B'],
])('%d is a count of %s', (count, text) => expect(formatCount(count)).toBe(text));

test('amounts: steps to the last one, bytes and tokens short', () => {
  expect(formatOf(18, 1200)).toBe('18/1,200');
  expect(formatOf(1200, null)).toBe('1,200');
  expect(formatAmount(18, 'steps', 1200)).toBe('18/1,200 steps');
  expect(formatAmount(6_900_000, 'tokens', 1_200_000_000)).toBe('6.9M/1.2B tokens');
  expect(formatAmount(5_000_000, 'bytes', 2_500_000_000)).toBe('5.00 MB/2.50 GB');
  expect([0, 999, 61_900_000].map(formatBytes)).toEqual(['0 B', '999 B', '61.9 MB']);
});

test('a chance that is not certain never reads so; a loss that there is not is a dash', () => {
  expect([0, 0.001, 0.25, 0.999, 1].map(formatChance)).toEqual(['0%', '<1%', '25%', '>99%', '100%']);
  expect([2.34567, null].map(formatLoss)).toEqual(['2.3457', '-']);
});

test.each([
  ['30d', 30 * 86_400],
  ['12h', 12 * 3600],
  ['4w', 28 * 86_400],
  ['90', null],
  ['d', null],
  ['-1d', null],
  ['1.5h', null],
])('%s is %s seconds', (text, seconds) => expect(parseAge(text)).toBe(seconds));
