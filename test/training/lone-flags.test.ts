import { expect, it } from 'vitest';
import { KNOBS, OTHER_FLAGS } from '../../src/training/knobs.ts';
import { refuseLoneAdapters, refuseLoneFlags } from '../../src/training/lone-flags.ts';
import { dataSources } from '../../src/training/request.ts';

const lone = { code: 'usage.lone_flag' };
const known = new Set([
  ...Object.values(KNOBS).map(({ flag }) => flag),
  ...Object.values(OTHER_FLAGS).flat(),
]);

it('refuses what belongs to a duel or a teacher that is not there, and names both', () => {
  for (const [flag, value, needed] of [
    ['duel-data', ['x.txt'], 'against'],
    ['duel-sequences', 64, 'against'],
    ['stop-early', true, 'against'],
    ['teacher-weight', 0.3, 'teacher'],
  ] as const) {
    for (const name of [flag, needed]) expect(known).toContain(name);
    const error = `--${flag} does nothing without --${needed}.`;
    expect(() => refuseLoneFlags({ [flag]: value })).toThrow(
      expect.objectContaining({ ...lone, message: error }),
    );
    expect(() => refuseLoneFlags({ [flag]: value, [needed]: 'y' })).not.toThrow();
  }
  // What is off needs nothing.
  expect(() => refuseLoneFlags({ 'stop-early': false, lr: '1e-4' })).not.toThrow();
});

it('refuses adapters without a rank or a model to be beside, by whoever says the rank', () => {
  const none = { loraRank: null, loraAlpha: null, loraTargets: null };
  const plain = { recipe: {}, file: null, given: true };
  const refused = (options: object, at: object = {}) => {
    try {
      refuseLoneAdapters({ ...none, ...options }, { ...plain, ...at });
      return null;
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
  expect(refused({ loraAlpha: 4 })).toBe(lone.code);
  expect(refused({ loraTargets: ['q_proj'], loraRank: 0 })).toBe(lone.code);
  expect(refused({ loraRank: 4 }, { given: false })).toBe(lone.code);
  expect(refused({ loraRank: 4, loraAlpha: 4 })).toBeNull();
  expect(refused({ loraAlpha: 4 }, { recipe: { lora: { rank: 8 } } })).toBeNull();
  expect(refused({ loraAlpha: 4 }, { file: 'own.py' })).toBeNull();
  expect(refused({ loraRank: 0 }, { given: false })).toBeNull();
});

it('names the flag whose text is not there', () => {
  expect(() => dataSources(['no.jsonl'], '/', 'duel-data')).toThrow(/^--duel-data: there is no file/);
  expect(() => dataSources(['no.jsonl'], '/')).toThrow(/^--data: there is no file/);
});
