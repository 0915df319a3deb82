import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { loadArchitectures } from '../../src/architectures.ts';
import { checkTarget } from '../../src/check/index.ts';
import { checkOutput, checkSchema } from '../../src/output/check.ts';
import { openPlace } from '../../src/place.ts';
import { finish } from '../../src/progress.ts';
import { resolveSettings } from '../../src/settings/index.ts';
import { jsonText } from '../../src/text/json-text.ts';
import { llamaConfig, tempDir, writeModel } from '../model/support.ts';
import { attack, patience } from '../support/attack.ts';

/** Values of config.json as JSON or Python write them, the more surprising ones. */
const odd = fc.constantFrom(
  ...['1e999', '-1e999', 'NaN', '-Infinity', '-0', '1e308', '1e-320', '0', '-1', '0.5', '9007199254740993'],
  ...[
    '123456789012345678901234567890',
    'null',
    'true',
    '"x"',
    '[]',
    '{}',
    '[1e999]',
    String.raw`"\u202e\ud800"`,
  ],
);

it('gives a whole verdict on any config, in numbers that JSON has', {
  timeout: patience(120_000),
}, async () => {
  const home = tempDir();
  const flags = { offline: true, network: 'finney' };
  const settings = resolveSettings({ flags, env: { PT_HOME: home }, cwd: home, home });
  const place = openPlace(settings, { env: process.env });
  const dir = writeModel(tempDir());
  const request = { target: { kind: 'folder', dir } as const };
  const plain = Object.entries(llamaConfig()).map(([key, value]) => [key, JSON.stringify(value)]);
  const names = fc.constantFrom(
    ...Object.keys(llamaConfig()),
    'rope_scaling',
    'quantization_config',
    'extra',
  );
  await attack(
    'config.json: odd numbers and values',
    fc.asyncProperty(fc.dictionary(names, odd, { maxKeys: 4 }), async (changes) => {
      const fields = Object.entries({ ...Object.fromEntries(plain), ...changes });
      const text = fields.map(([key, value]) => `${JSON.stringify(key)}: ${value}`).join(', ');
      writeFileSync(join(dir, 'config.json'), `{${text}}`);
      const verdict = await finish(checkTarget({ ...request, hash: false }, place));
      // Before it is text, where a number that is none would show, and after.
      checkSchema.parse(checkOutput(verdict));
      const printed = checkSchema.parse(JSON.parse(jsonText(checkOutput(verdict))));
      expect(printed.findings.map(({ message }) => message)).toEqual(
        verdict.findings.map(({ message }) => message),
      );
    }),
    { short: 100 },
  );
});

/** Every key that some class's data names, and those that decide for all. */
const KEYS = [
  ...new Set([
    ...Object.values(loadArchitectures().architectures).flatMap((facts) => [
      ...Object.values(facts.sizes).flatMap(({ keys }) => keys),
      ...Object.values(facts.flags).flatMap((flag) => (typeof flag === 'object' ? [flag.key] : [])),
      ...facts.activations,
      ...(facts.epsilon === null ? [] : [facts.epsilon]),
      ...(facts.rope === null ? [] : [facts.rope.theta, facts.rope.partial]),
    ]),
    ...['architectures', 'model_type', 'auto_map', 'torch_dtype', 'dtype', 'quantization_config'],
    ...[
      'rope_scaling',
      'rope_parameters',
      'tie_word_embeddings',
      'pad_token_id',
      'eos_token_id',
      'sliding_window',
    ],
  ]),
];

it('gives a verdict on any JSON value of any known key, of any class and profile', {
  timeout: patience(240_000),
}, async () => {
  const home = tempDir();
  const dir = writeModel(tempDir());
  const openWith = (profile: '3.2' | '6.0') =>
    openPlace(
      resolveSettings({
        flags: { offline: true, network: 'finney', profile },
        env: { PT_HOME: home },
        cwd: home,
        home,
      }),
      { env: process.env },
    );
  const places = { '3.2': openWith('3.2'), '6.0': openWith('6.0') };
  const { architectures } = loadArchitectures();
  const some = fc.oneof(
    fc.jsonValue(),
    fc.double(),
    fc.integer(),
    fc.constantFrom('', 'gelu', [], {}, [null]),
  );
  await attack(
    'config.json: any JSON under any known key, of any class',
    fc.asyncProperty(
      fc.constantFrom(...Object.keys(architectures)),
      fc.dictionary(fc.constantFrom(...KEYS), some, { maxKeys: 5 }),
      fc.constantFrom('3.2' as const, '6.0' as const),
      async (name, changes, profile) => {
        const { model_type } = architectures[name]!;
        const config = { ...llamaConfig(), architectures: [name], model_type, ...changes };
        writeFileSync(join(dir, 'config.json'), JSON.stringify(config));
        const verdict = await finish(checkTarget({ target: { kind: 'folder', dir } }, places[profile]));
        checkSchema.parse(JSON.parse(jsonText(checkOutput(verdict))));
      },
    ),
    { short: 400 },
  );
});

it.each([7, [], {}, null, true, 'llamma', ['llama']])('refuses model_type %j by name', async (model_type) => {
  const home = tempDir();
  const settings = resolveSettings({ flags: { offline: true }, env: { PT_HOME: home }, cwd: home, home });
  const dir = writeModel(tempDir());
  writeFileSync(join(dir, 'config.json'), JSON.stringify({ ...llamaConfig(), model_type }));
  const place = openPlace(settings, { env: process.env });
  const verdict = await finish(checkTarget({ target: { kind: 'folder', dir } }, place));
  expect(verdict.verdict).toBe('refused');
  expect(verdict.findings.find(({ rule }) => rule === 'model_type')!.message).toContain(
    JSON.stringify(model_type),
  );
});
