import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import stringWidth from 'string-width';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeCommand } from '../../src/help.ts';
import { labelRun } from '../../src/jobs/index.ts';
import { readManifest } from '../../src/manifest.ts';
import { ALICE, derivedFile, PASSWORD, sealAnsible, writeHotkey } from '../chain/wallet/key-files.ts';
import { makeRun } from '../report/make-run.ts';
import { pseudoTerminal, type Typed } from './in-terminal.ts';
import { root, runPt } from './run-pt.ts';

const RUN = '20261123-101500-3f9a';

let home: string;
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'pt-terminal-'));
  await makeRun(join(home, 'runs', RUN), { steps: 1200 });
  await labelRun(join(home, 'runs', RUN), { add: ['baseline'], note: 'the same data as before' });
  await runPt(['sandbox', 'start', '--detach'], { env: { PT_HOME: home }, cwd: home });
});
afterAll(async () => {
  await runPt(['sandbox', 'stop'], { env: { PT_HOME: home }, cwd: home });
  rmSync(home, { recursive: true, force: true });
});

const inTerminal = (args: string[], options: Typed = {}) => pseudoTerminal(args, home, options);

const widest = (shown: string) =>
  Math.max(
    ...stripVTControlCharacters(shown)
      .split(/\r?\n|\r/)
      .map((line) => stringWidth(line)),
  );

/** Commands to be copied and single long names are never broken; everything that can be is. */
const breakable = (shown: string) =>
  stripVTControlCharacters(shown)
    .split(/\r?\n/)
    .filter((line) => !/^\s*(pt |--|-\w, --|eval |\S+$)/.test(line))
    .join('\n');

describe.each([20, 80, 140])('%i columns', (columns) => {
  test.each([[['--help']], [['config', 'show']], [['wallet', 'list', '--network', 'sandbox']], [['runs']]])(
    '%j fits',
    async (args) => {
      const { code, shown } = await inTerminal(args, { columns });
      expect(code).toBe(0);
      expect(widest(breakable(shown))).toBeLessThanOrEqual(columns);
    },
  );

  test('nothing that tells a run or a key from another is cut', async () => {
    const runs = stripVTControlCharacters((await inTerminal(['runs'], { columns })).shown);
    const wallets = stripVTControlCharacters(
      (await inTerminal(['wallet', 'list', '--network', 'sandbox'], { columns })).shown,
    );
    expect(runs + wallets).not.toContain('…');
    for (const whole of [RUN, '1,200/1,200', '2.8034', 'baseline', 'finished']) expect(runs).toContain(whole);
    expect(wallets).toMatch(/\b5[1-9A-HJ-NP-Za-km-z]{47}\b/);
  });

  test('the help of every command fits', () => {
    for (const command of Object.values(readManifest(root))) {
      const text = describeCommand(command, { width: columns, color: false, program: 'pt' });
      expect(widest(breakable(text)), command.id).toBeLessThanOrEqual(columns);
    }
  });
});

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are what it looks for
const COLOUR = /\u001b\[(?!0?K)[\d;]*m/;

test('colours on a terminal, none with NO_COLOR, --no-color or TERM=dumb', async () => {
  expect((await inTerminal(['config', 'show'])).shown).toMatch(COLOUR);
  expect((await inTerminal(['--help'])).shown).toMatch(COLOUR);
  expect((await inTerminal(['nonsense'])).shown).toMatch(COLOUR);
  for (const [args, env] of [
    [['config', 'show'], { NO_COLOR: '1' }],
    [['config', 'show', '--no-color'], {}],
    [['nonsense'], { NO_COLOR: '1' }],
    [['nonsense'], { TERM: 'dumb' }],
    [['--help', '--no-color'], {}],
  ] as [string[], Record<string, string>][]) {
    expect((await inTerminal(args, { env })).shown, args.join(' ')).not.toMatch(COLOUR);
  }
});

test('no background is assumed: only the sixteen colours that every theme defines, and attributes', async () => {
  const { shown } = await inTerminal(['nonsense']);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what it looks for
  const codes = [...shown.matchAll(/\u001b\[([\d;]*)m/g)].flatMap(([, list]) => list!.split(';').map(Number));
  expect(codes.length).toBeGreaterThan(0);
  expect(
    codes.filter(
      (code) => code === 38 || code === 48 || (code >= 40 && code <= 47) || code === 30 || code === 37,
    ),
  ).toEqual([]);
});

test('--json in a terminal is one object that can be parsed', async () => {
  const { shown } = await inTerminal(['sandbox', 'status', '--json']);
  expect(JSON.parse(shown)).toMatchObject({ running: true });
});

test('a password is asked without being shown, and opens the key', async () => {
  const path = join(home, 'wallets');
  await writeHotkey(path, 'default', 'default', sealAnsible(derivedFile()));
  const args = ['wallet', 'show', '--open', '--offline', '--wallet-path', path];
  const { shown, code } = await inTerminal(args, { type: [['Password', `${PASSWORD}\r`]] });
  expect({ code, opened: shown.includes(ALICE.ss58) }).toEqual({ code: 0, opened: true });
  expect(shown).not.toContain(PASSWORD);
  const refused = await inTerminal(args, { type: [['Password', '\u0003']] });
  expect(refused.code).toBe(130);
});

test('Ctrl-C at a wait ends with 130', async () => {
  const { code, shown } = await inTerminal(['status', '--watch', '--network', 'sandbox'], {
    type: [['Subnet 9', '\u0003']],
  });
  expect(code).toBe(130);
  expect(shown).toContain('[cancelled]');
  expect(shown).toMatch(/5\w{47} \(you\)/);
  // Drawn at the top of the screen each time.
  expect(shown).toContain('\u001b[2J\u001b[HSubnet 9');
});
