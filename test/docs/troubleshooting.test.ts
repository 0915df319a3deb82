import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readManifest } from '../../src/manifest.ts';
import { root } from '../commands/run-pt.ts';
import { allCodes, isKnownCommand, thrownInTypeScript, toldCommands } from './error-codes.ts';

const page = readFileSync(join(root, 'docs/troubleshooting.md'), 'utf8');
const rows = new Map(
  [...page.matchAll(/^\| `([a-z_.]+)` \| ([\d, ]+) \| (.+) \| (.+) \|$/gm)].map(
    ([, code, exits, meaning, step]) => [
      code!,
      { exits: exits!.split(', ').map(Number), meaning: meaning!, step: step! },
    ],
  ),
);
const thrown = thrownInTypeScript();

test('every code in the source is on the page, and nothing else is', () => {
  expect(thrown.length).toBeGreaterThan(100);
  expect([...rows.keys()].toSorted(), 'docs/troubleshooting.md').toEqual([...allCodes()].toSorted());
});

test('the exit codes are those of the source', () => {
  for (const { code, exit, file } of thrown) {
    if (exit !== null) expect(rows.get(code)?.exits ?? [], `${code} in ${file}`).toContain(exit);
  }
  for (const [code, { exits }] of rows) {
    const sites = thrown.filter((site) => site.code === code);
    if (sites.length === 0 || sites.some(({ exit }) => exit === null)) continue;
    // These are also the trainer's, whose errors the bridge names after the fact.
    const trainers = ['python.missing_package', 'run.no_checkpoint'].includes(code) ? [7] : [];
    const known = [...sites.map(({ exit }) => exit), ...trainers];
    expect(new Set(exits), code).toEqual(new Set(known));
  }
});

test('every error has a next step where it is made', () => {
  expect(thrown.filter(({ hasNextSteps }) => !hasNextSteps)).toEqual([]);
});

test('every command that people are told to type exists, with its flags', () => {
  const manifest = readManifest(root);
  const told = toldCommands();
  expect(told.length).toBeGreaterThan(100);
  const wrong = told.filter(({ command }) => !isKnownCommand(manifest, command));
  expect(wrong).toEqual([]);
});
