import { expect, test } from 'vitest';
import { takeReferenceFlags } from '../../src/cli/reference-flags.ts';

const known = new Set(['hf-repo-id']);

test.each(['--logging.debug', '--logging_debug', '--logging-debug', '--logging.debug=true'])(
  '%s is taken and said',
  (typed) => {
    const taken = takeReferenceFlags(['--hf-repo-id', 'a/b', typed, '--lr', '1'], known);
    expect(taken.argv).toEqual(['--hf-repo-id', 'a/b', '--lr', '1']);
    expect(taken.debug).toBe(true);
    expect(taken.notes).toEqual([expect.stringContaining('stack')]);
  },
);

test('every flag of the SDK is said by the name that was typed; what is off, or after --, is left', () => {
  const argv = [
    '--logging.trace=false',
    '--logging.logging_dir',
    '/tmp/x',
    '--logging.record_log',
    '--strict',
  ];
  const { argv: rest, notes, debug } = takeReferenceFlags([...argv, '--', '--logging.debug'], known);
  expect(rest).toEqual(['--', '--logging.debug']);
  expect(debug).toBe(false);
  expect(notes.map((note) => note.split(':')[0])).toEqual([
    '--logging.logging_dir',
    '--logging.record_log',
    '--strict',
  ]);
});

test('a missing value, and a value that is none, are named', () => {
  expect(() => takeReferenceFlags(['--logging.logging_dir'], known)).toThrow(/--logging.logging_dir expects/);
  expect(() => takeReferenceFlags(['--logging.debug=9'], known)).toThrow(/--logging.debug is a switch/);
});

test("a command's own flag of that name stays its own", () => {
  expect(takeReferenceFlags(['--strict'], new Set(['strict'])).argv).toEqual(['--strict']);
});
