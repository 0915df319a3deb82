/** `pt check --fix`: what it mends is then ready, and what no key can say is named and no better than before. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runPt } from '../commands/run-pt.ts';
import { llamaConfig, tempDir, withBuiltinTokenizer, writeModel } from '../model/support.ts';

const rope = (settings: object) => ({ rope_parameters: { rope_theta: 10000, ...settings } });

it.each([
  [{ rope_parameters: { rope_type: 'default', rope_theta: 5e5 } }, '6.0', 'cannot_score', 'ready', null],
  [rope({ rope_type: 'linear', factor: 2 }), '3.2', 'cannot_score', 'ready', null],
  [rope({ rope_type: 'dynamic', factor: 2 }), '3.2', 'cannot_score', 'ready', null],
  [
    rope({
      rope_type: 'llama3',
      factor: 8,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 64,
    }),
    '6.0',
    'cannot_score',
    'ready',
    'rope_type llama3 of llama is refused by 4.38.0',
  ],
  [
    rope({ rope_type: 'yarn', factor: 4, original_max_position_embeddings: 64 }),
    '6.0',
    'cannot_score',
    'cannot_score',
    'rope_type yarn of llama is refused by 4.38.0 and means something else by 4.44.1',
  ],
  [{ mlp_bias: true }, '3.2', 'cannot_score', 'cannot_score', 'mlp_bias true of llama is ignored by 4.38.0'],
] as const)('%j under %s: %s, then %s', async (changes, profile, before, after, left) => {
  const dir = withBuiltinTokenizer(
    writeModel(join(tempDir(), 'model'), llamaConfig({ rope_theta: undefined, ...changes })),
  );
  const check = (...args: string[]) =>
    runPt(['check', dir, '--offline', '--network', 'sandbox', '--profile', profile, '--json', ...args], {
      env: { PT_HOME: tempDir() },
    });
  expect((await check()).json().verdict).toBe(before);
  const fixed = await check('--fix');
  expect(fixed.json().verdict, fixed.stderr).toBe(after);
  expect(fixed.stderr.includes('Cannot be fixed')).toBe(left !== null);
  if (left !== null) expect(fixed.stderr.replace(/\s+/g, ' ')).toContain(left);
  // Twice is once.
  const again = await check('--fix');
  expect(again.stderr).toContain('Nothing had to be fixed.');
  expect(again.json().verdict).toBe(after);
});
