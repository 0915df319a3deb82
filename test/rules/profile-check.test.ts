import { describe, expect, it } from 'vitest';
import { loadConstants } from '../../src/constants.ts';
import { carriedFiles } from '../../src/rules/index.ts';
import { checkFiles } from '../../src/rules/profile-check.ts';

const profiles = Object.entries(loadConstants().profiles).filter(
  ([, { files }]) => files.required.length > 0,
);

describe.each(profiles)('the files of %s', (_, profile) => {
  const { required } = profile.files;

  it('may be there when they must be', () => {
    const bad = checkFiles(required, profile).filter(
      ({ rule, ok }) => ok !== true && rule.startsWith('files_'),
    );
    expect(bad).toEqual([]);
  });

  it('are missed one by one', () => {
    for (const missing of required) {
      const found = checkFiles(
        required.filter((path) => path !== missing),
        profile,
      );
      expect(found.find(({ rule }) => rule === 'files_required')).toMatchObject({
        ok: false,
        actual: [missing],
      });
    }
  });

  it('go along when a model is published or loaded', () => {
    const plain = required.filter((path) => !path.includes('/'));
    expect(carriedFiles(new Set(['config.json', ...required]), ['config.json'], profile)).toEqual(
      expect.arrayContaining(plain),
    );
  });
});
