import fc from 'fast-check';
import { expect, it } from 'vitest';
import { describeCondition, isMet, parseCondition } from '../../src/training/index.ts';

it.each([
  ['p(win) > 0.9', { pWin: 0.9, orEqual: false }],
  ['P(win)>=90%', { pWin: 0.9, orEqual: true }],
  [' p(win) >= 1 ', { pWin: 1, orEqual: true }],
  ['p(win)>.5', { pWin: 0.5, orEqual: false }],
])('reads %j', (text, condition) => {
  expect(parseCondition(text)).toEqual(condition);
  expect(parseCondition(describeCondition(condition))).toEqual(condition);
});

it.each([
  '',
  'p(win)',
  'p(win) < 0.5',
  'p(win) > 1',
  'p(win) > 200%',
  'p(win) = 1',
  'loss < 3',
  '0.9',
  'p(win) > 1e-3',
])('refuses %j with the next step', (text) => {
  expect(() => parseCondition(text)).toThrow(
    expect.objectContaining({ code: 'usage.publish_when', exitCode: 2 }),
  );
});

it('can always be met by a condition that is read, and never by a chance below it', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      let condition: ReturnType<typeof parseCondition>;
      try {
        condition = parseCondition(`p(win)${text}`);
      } catch {
        return;
      }
      expect(isMet(condition, 1)).toBe(true);
      expect(isMet(condition, condition.pWin - 1e-9)).toBe(false);
    }),
  );
});
