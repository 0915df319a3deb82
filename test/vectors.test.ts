/**
 * The protocol vectors: every JSON file in PT_VECTORS (default: test/vectors), one test a case. Which cases a file holds is told by
 * its `schema`; a file of an unknown schema, without cases, or no file at all, fails.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { casesOf } from './rules/vector-cases.ts';

const folder = resolve(process.env.PT_VECTORS ?? join(import.meta.dirname, 'vectors'));
const files = readdirSync(folder).filter((name) => !/^readme/i.test(name) && !name.startsWith('.'));

test(`there are vectors in ${folder}`, () => {
  expect(files.length).toBeGreaterThan(0);
});

describe.each(files)('%s', (name) => {
  let cases: ReturnType<typeof casesOf>;
  try {
    cases = casesOf(JSON.parse(readFileSync(join(folder, name), 'utf8')));
  } catch (error) {
    test('can be read', () => {
      throw error;
    });
    return;
  }
  test('holds cases', () => {
    expect(cases.length).toBeGreaterThan(0);
  });
  for (const { name: title, run } of cases) test(title, run);
});
