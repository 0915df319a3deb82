import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseDotenv } from '../../src/settings/dotenv.ts';

interface Vector {
  text: string;
  wrong?: number[];
  values?: [string, string][];
}

const vectors = JSON.parse(
  readFileSync(join(import.meta.dirname, 'dotenv-vectors.json'), 'utf8'),
) as Vector[];
const env = { FROM_ENV: 'outside' };
const read = (text: string | Buffer, variables: Record<string, string> = env) =>
  parseDotenv(Buffer.from(text as string), variables);
const valuesOf = (text: string | Buffer) =>
  Object.fromEntries(read(text).assignments.map(({ name, value }) => [name, value]));

// dotenv_vectors.py wrote down what python-dotenv says.
describe('as python-dotenv', () => {
  test('reads every text that it reads', () => {
    const readable = vectors.filter(({ values }) => values !== undefined);
    expect(readable.length).toBeGreaterThan(200);
    for (const { text, values } of readable) {
      expect(read(text).problems, JSON.stringify(text)).toEqual([]);
      expect(valuesOf(text), JSON.stringify(text)).toEqual(Object.fromEntries(values!));
    }
  });

  test('names the first line that it does not', () => {
    const unreadable = vectors.filter(({ wrong }) => wrong !== undefined);
    expect(unreadable.length).toBeGreaterThan(200);
    for (const { text, wrong } of unreadable)
      expect(read(text).problems[0]?.line, JSON.stringify(text)).toBe(wrong![0]);
  });
});

test('UTF-16 of either order, and the mark of UTF-8, are read', () => {
  const text = '\ufeffA=é #x\r\nB="y"\r\n';
  const little = Buffer.from(text, 'utf16le');
  for (const bytes of [Buffer.from(text), little, Buffer.from(little).swap16()])
    expect(valuesOf(bytes)).toEqual({ A: 'é', B: 'y' });
});

test.each([
  ['UTF-16 without its mark', Buffer.from('A=1\n', 'utf16le')],
  ['half a character', Buffer.from([0xff, 0xfe, 0x41])],
  ['Latin-1', Buffer.from('A=caf\xe9\n', 'latin1')],
])('%s is refused', (_, bytes) =>
  expect(read(bytes)).toEqual({
    assignments: [],
    problems: [{ line: 1, problem: 'is neither UTF-8 nor UTF-16 with its mark at the beginning' }],
  }),
);

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: the file's own
test('a variable that nothing sets is named; single quotes keep the characters, as in a shell', () => {
  expect(read('A=1\nB=${A}${NOWHERE}\n').problems).toEqual([
    { line: 2, problem: 'B takes ${NOWHERE}, which nothing sets' },
  ]);
  expect(valuesOf("A='${NOWHERE}'\n")).toEqual({ A: '${NOWHERE}' });
});
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: the file's own

test('a problem never quotes the line, which may be a token that lost its name', () =>
  expect(JSON.stringify(read('hf_abcdefghijklmnop\n'))).not.toContain('hf_'));
