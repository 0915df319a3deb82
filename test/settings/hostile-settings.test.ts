import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { PtError } from '../../src/errors.ts';
import { DEFINITIONS, resolveSettings } from '../../src/settings/index.ts';
import { attack } from '../support/attack.ts';

const cwd = mkdtempSync(join(tmpdir(), 'pt-settings-'));
const home = join(cwd, 'home');
mkdirSync(home);
afterAll(() => rmSync(cwd, { recursive: true }));

const definitions = Object.values(DEFINITIONS).map(({ key, env }) => ({ key, env: env as string[] }));
const keys = definitions.map(({ key }) => key);
const variables = definitions.flatMap(({ env }) => env).filter((name) => name !== 'PT_CONSTANTS');

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: the file's own
/** What people, editors and other programs leave in such files, and what they never should. */
const value = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.json({ maxDepth: 2 }),
  fc.constantFrom(
    ...[
      '',
      '~',
      '~/x',
      'true',
      'NO',
      '0x10',
      '1e999',
      '-1',
      '.inf',
      '6.0',
      'wss://h/k3y',
      'wss://[',
      'a: b',
      '&a *a',
    ],
    ...[
      '!!js/function "x"',
      '"\\ud800"',
      "'",
      '"',
      '${HOME}',
      '${NO_SUCH_NAME}',
      '${',
      '# x',
      '|',
      '>',
      '- 1',
      '\u202e',
      '[',
      '{',
    ],
  ),
);
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: the file's own
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 120 }),
  fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
);
const lines = (name: fc.Arbitrary<string>, between: string) =>
  fc
    .array(fc.tuple(name, value), { maxLength: 5 })
    .map((pairs) => Buffer.from(pairs.map(([left, right]) => `${left}${between}${right}`).join('\n')));

/** Ends in settings, or in an error that names a place and how to go on. */
function resolves(env: Record<string, string>): void {
  try {
    const { rows } = resolveSettings({ env: { PT_HOME: home, ...env }, cwd, home });
    JSON.stringify(rows);
  } catch (error) {
    expect(error).toBeInstanceOf(PtError);
    const { code, exitCode, nextSteps } = error as PtError;
    expect(code).not.toBe('bug');
    expect([2, 4]).toContain(exitCode);
    expect(nextSteps.length).toBeGreaterThan(0);
  }
}

test('whatever stands in .env, it is settings or an error with a line', () =>
  attack(
    '.env',
    fc.property(
      fc.oneof(bytes, lines(fc.oneof(fc.constantFrom(...variables), fc.string()), '=')),
      (content) => {
        writeFileSync(join(cwd, '.env'), content);
        try {
          resolves({});
        } finally {
          rmSync(join(cwd, '.env'));
        }
      },
    ),
    { short: 500 },
  ));

test('whatever stands in config.yaml, it is settings or an error with a line', () =>
  attack(
    'config.yaml',
    fc.property(fc.oneof(bytes, lines(fc.oneof(fc.constantFrom(...keys), fc.string()), ': ')), (content) => {
      writeFileSync(join(home, 'config.yaml'), content);
      try {
        resolves({});
      } finally {
        rmSync(join(home, 'config.yaml'));
      }
    }),
    { short: 500 },
  ));

test('whatever the environment sets, it is settings or an error', () =>
  attack(
    'environment',
    fc.property(fc.dictionary(fc.constantFrom(...variables), value, { maxKeys: 4 }), (given) =>
      resolves(given),
    ),
    { short: 500 },
  ));
