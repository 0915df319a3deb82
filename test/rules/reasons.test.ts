import { expect, test } from 'vitest';
import { describeReasons, notJudged } from '../../src/rules/index.ts';
import type { Finding, Profile } from '../../src/rules/types.ts';

test('what is not judged here is one sentence, after what is known', () => {
  const open = notJudged({ not_judged: ['whose it was first', 'near copies by behaviour'] } as Profile);
  const known: Finding = { rule: 'size', ok: false, actual: 9, limit: 5, message: '9 GB are too many.' };
  expect(describeReasons([...open, known])).toEqual([
    'size: 9 GB are too many.',
    'Not judged here: whose it was first; near copies by behaviour.',
  ]);
  expect(describeReasons(open.slice(0, 1))).toEqual(['Not judged here: whose it was first.']);
});
