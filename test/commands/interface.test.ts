import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readManifest } from '../../src/manifest.ts';
import { jsonSchemas, SCHEMAS } from '../../src/output/index.ts';
import { commandReference, interfaceSnapshot } from '../../src/reference.ts';
import { root } from './run-pt.ts';

const HINT = 'a change of what scripts rely on is a decision; when it is meant: npm run generate';
const read = (...path: string[]) => readFileSync(join(root, ...path), 'utf8');

test('commands, flags and exit codes are those of the committed snapshot', () => {
  expect(interfaceSnapshot(readManifest(root)), HINT).toEqual(
    JSON.parse(read('test/commands/interface.json')),
  );
});

test('schemas/ holds the JSON Schema of every output, and nothing else', () => {
  const schemas = jsonSchemas();
  const files = readdirSync(join(root, 'schemas')).filter((file) => file.endsWith('.json'));
  expect(files.toSorted()).toEqual([...schemas.keys()].toSorted());
  for (const [file, schema] of schemas) {
    expect(JSON.parse(read('schemas', file)), HINT).toEqual(JSON.parse(JSON.stringify(schema)));
  }
});

test('schemas list every field; only errors know more, and data sets have settings of their own', () => {
  const open = [...jsonSchemas()].flatMap(([file, schema]) =>
    openObjects(JSON.parse(JSON.stringify(schema)), file),
  );
  expect(open.filter((place) => !place.endsWith('_kwargs'))).toEqual([
    // A config.json has what its class reads.
    'profiles-show.json.properties.profile.properties.sandbox.properties.king',
    'error.json.properties.error',
  ]);
});

/** Where a JSON schema lets an object have fields of any name and kind. */
function openObjects(node: unknown, place: string): string[] {
  if (typeof node !== 'object' || node === null) return [];
  const { type, additionalProperties: more = {} } = node as {
    type?: unknown;
    additionalProperties?: unknown;
  };
  const isOpen = type === 'object' && (more === true || JSON.stringify(more) === '{}');
  const inner = Object.entries(node).flatMap(([key, value]) => openObjects(value, `${place}.${key}`));
  return isOpen ? [place, ...inner] : inner;
}

test('every command has a schema for its output', () => {
  const ids = Object.keys(readManifest(root));
  expect(ids.filter((id) => !(id in SCHEMAS))).toEqual([]);
});

test('docs/commands.md is what the code says', () => {
  expect(read('docs/commands.md'), HINT).toBe(commandReference(readManifest(root)));
});

test('the help of every flag that takes a value says what holds without it, and names what can be chosen', () => {
  const manifest = readManifest(root);
  const silent = Object.entries(manifest).flatMap(([id, { flags }]) =>
    Object.values(flags)
      .filter(({ hidden, type, required }) => !hidden && type === 'option' && !required)
      .filter(({ summary = '', options }) => !/\([^()]+\)/.test(summary) && options === undefined)
      .map(({ name }) => `${id} --${name}`),
  );
  expect(silent).toEqual([]);
  const { recipe, data, profile } = manifest.train!.flags;
  for (const name of readdirSync(join(root, 'constants/recipes')))
    expect(recipe!.summary).toContain(name.replace('.json', ''));
  for (const name of readdirSync(join(root, 'constants/profiles')))
    expect(profile!.summary).toContain(name.replace('.json', ''));
  for (const { name } of JSON.parse(read('constants', 'datasets.json')).datasets)
    expect(data!.summary).toContain(name);
});
