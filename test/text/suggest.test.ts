import { expect, test } from 'vitest';
import { didYouMean, nearest } from '../../src/text/suggest.ts';

test('near misses are found, strangers are not', () => {
  const commands = ['train', 'upload', 'load-best', 'check', 'status', 'competitions'];
  expect(nearest('trian', commands)).toEqual(['train']);
  expect(nearest('comp', commands)).toEqual(['competitions']);
  expect(nearest('xyzzy', commands)).toEqual([]);
  expect(didYouMean('--hf-repo-di', ['--hf-repo-id', '--netuid'])).toBe(' Did you mean --hf-repo-id?');
});
