import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadConstants, profileNamed } from '../../src/constants.ts';
import { profilePage } from '../../src/rules/index.ts';

const folder = join(import.meta.dirname, '../../docs/subnets');
const constants = loadConstants();

test('every profile has its page, and no other is there', () => {
  const names = Object.keys(constants.profiles).map((name) => `${name}.md`);
  expect(readdirSync(folder).sort()).toEqual(names.sort());
});

test.each(Object.keys(constants.profiles))(
  'the page of %s is what its profile says (npm run generate)',
  (name) => {
    expect(readFileSync(join(folder, `${name}.md`), 'utf8')).toBe(
      profilePage(name, profileNamed(constants, name)),
    );
  },
);
