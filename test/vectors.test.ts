/**
 * The protocol vectors: every JSON file in PT_VECTORS (default: test/vectors and test/vectors-live), one test a case. Which cases a file holds
 * is told by its `schema`, or by its name where it is a live subnet's; an unknown file, one without cases, or no file at all, fails.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { liveCasesOf } from './rules/live-cases.ts';
import { casesOf } from './rules/vector-cases.ts';

const given = process.env.PT_VECTORS;
const folders = (
  given === undefined ? ['vectors', 'vectors-live'].map((name) => join(import.meta.dirname, name)) : [given]
).map((folder) => resolve(folder));
const files = folders.flatMap((folder) =>
  readdirSync(folder)
    .filter((name) => !/^readme/i.test(name) && !name.startsWith('.'))
    .map((name) => join(folder, name)),
);

test.each(folders)('there are vectors in %s', (folder) => {
  expect(files.some((file) => file.startsWith(folder))).toBe(true);
});

describe.each(files.map((file) => [basename(file), file]))('%s', (name, path) => {
  let cases: ReturnType<typeof casesOf>;
  try {
    const file = JSON.parse(readFileSync(path!, 'utf8'));
    cases = liveCasesOf(name!, file) ?? casesOf(file);
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
