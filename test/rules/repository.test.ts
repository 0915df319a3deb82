import { expect, it } from 'vitest';
import { loadConstants } from '../../src/constants.ts';
import type { PtError } from '../../src/errors.ts';
import { parseRepoId } from '../../src/rules/index.ts';

it('names, where a name is refused, one that the same validators take', () => {
  let hints = 0;
  for (const [name, profile] of Object.entries(loadConstants().profiles))
    for (const wrong of ['me/other', 'me/teutonic', 'no-slash', 'me/a--b', `me/${'x'.repeat(200)}`]) {
      try {
        parseRepoId(profile, wrong);
      } catch (error) {
        const [hint = ''] = (error as PtError).nextSteps;
        hints += 1;
        expect(
          () => parseRepoId(profile, hint.replace('--hf-repo-id ', '')),
          `${name}: ${hint}`,
        ).not.toThrow();
      }
    }
  expect(hints).toBeGreaterThan(20);
  const { teutonic } = loadConstants().profiles;
  expect(() => parseRepoId(teutonic!, 'me/other')).toThrow(
    expect.objectContaining({ nextSteps: ['--hf-repo-id me/teutonic-other'] }),
  );
});
