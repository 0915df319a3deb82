import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readManifest } from '../../src/manifest.ts';
import { root } from '../commands/run-pt.ts';
import { blocksOf, isShell, pages } from './blocks.ts';
import { isKnownCommand } from './error-codes.ts';

/** The blocks that commands.test.ts and programs.test.ts do not run: why, and that they can at least be right. */

test('what is not run says why, and the list is known', () => {
  const skipped = pages
    .flatMap(blocksOf)
    .filter((block) => isShell(block) && block.notRun)
    .map(({ page, notRun }) => `${page}: ${notRun}`);
  expect(skipped).toMatchInlineSnapshot(`
    [
      "README.md: the first takes minutes, the second would run itself",
      "README.md: test/end-to-end/jobs.test.ts does",
      "CONTRIBUTING.md: the tests are among them",
      "CONTRIBUTING.md: it publishes",
      "docs/duels.md: it needs a king, and text of yours",
      "docs/duels.md: it needs a king",
      "docs/finetuning.md: it needs a run that began with a model",
      "docs/first-hour.md: it is what made the tests' own environment",
      "docs/first-hour.md: needs btcli, coldkey and coins",
      "docs/first-hour.md: needs a GPU and a real network; every command in it is run above, on the sandbox",
      "docs/gpu.md: needs Slurm",
      "docs/gpu.md: trains for days, or until it is stopped",
      "docs/install.md: it would install into this machine's own folders; test/package/install.test.ts does it under a prefix",
      "docs/install.md: it downloads several GB",
      "docs/install.md: it is for another machine",
      "docs/install.md: conda is not at hand here",
      "docs/install.md: it needs an engine",
      "docs/jobs.md: trains until it is stopped",
      "docs/jobs.md: needs Slurm",
      "docs/profiles.md: they need a king on the chain",
      "docs/profiles.md: it publishes, to a subnet of its own",
      "docs/profiles.md: it makes a king, and a sandbox plays one subnet at a time",
      "docs/rehearsal.md: takes minutes, and starts a sandbox of its own",
      "docs/reports.md: test/end-to-end/dashboard.test.ts does, and looks at the page",
    ]
  `);
});

test('what is not run is at least a shell script, of commands and flags that there are', () => {
  const manifest = readManifest(root);
  for (const { page, line, text, notRun, language } of pages.flatMap(blocksOf)) {
    if (!notRun && language !== 'yaml') continue;
    if (language !== 'yaml')
      expect(spawnSync('bash', ['-n'], { input: text, encoding: 'utf8' }).stderr, `${page}:${line}`).toBe('');
    const whole = text.replaceAll(/\\\n\s*/g, '');
    for (const [, command] of whole.matchAll(/(?:npx |^|\s)(pt [^\n#&|;]+)/g))
      expect(isKnownCommand(manifest, command!.trim()), `${page}:${line}: ${command}`).toBe(true);
  }
});

test('what is no command is not called one', () => {
  for (const block of pages.flatMap(blocksOf).filter((one) => isShell(one))) {
    expect(block.text, `${block.page}:${block.line}`).toMatch(/[a-z]/);
    // Settings belong in a block of another kind; a line that only assigns would be "run" without doing anything.
    expect(
      block.text.split('\n').every((line) => /^\w+=\S*$/.test(line)),
      `${block.page}:${block.line}`,
    ).toBe(false);
  }
});

test('no other page has programs that nobody runs', () => {
  const languages = new Set(
    pages
      .filter((page) => page !== 'docs/custom-miner.md')
      .flatMap(blocksOf)
      .map(({ language }) => language),
  );
  // jsonc, ini, yaml and text are shown, not run; a block without a language is a drawing or a usage line.
  expect([...languages].toSorted()).toEqual(['', 'bash', 'ini', 'jsonc', 'sh', 'text', 'yaml']);
});

test('the page beside other tools names commands of pt that there are, and leaves no cell empty', () => {
  const manifest = readManifest(root);
  const page = readFileSync(join(root, 'docs/beside.md'), 'utf8');
  const named = [...page.matchAll(/`(pt [^`]+)`/g)].map(([, command]) => command!);
  expect(named.length).toBeGreaterThan(15);
  for (const command of named.filter((one) => !one.startsWith('pt --')))
    expect(isKnownCommand(manifest, command), command).toBe(true);
  const rows = page.split('\n').filter((line) => /^\|.*`pt`|^\| [a-z`]/.test(line));
  for (const row of rows) {
    const cells = row.split(' | ').map((cell) => cell.replaceAll(/^\| | \|$/g, '').trim());
    expect([2, 8], row).toContain(cells.length);
    expect(cells, row).not.toContain('');
  }
});

test('the systemd unit is one that systemd takes', ({ skip }) => {
  const unit = blocksOf('docs/jobs.md').find(({ text }) => text.includes('[Service]'))!;
  const command = /^ExecStart=\/usr\/bin\/env (pt .+)$/m.exec(unit.text)![1]!;
  expect(isKnownCommand(readManifest(root), command)).toBe(true);
  const dir = mkdtempSync(join(tmpdir(), 'pt-unit-'));
  try {
    const file = join(dir, 'pt-train.service');
    writeFileSync(file, unit.text);
    const ran = spawnSync('systemd-analyze', ['verify', '--user', '--man=no', file], {
      encoding: 'utf8',
      env: { ...process.env, XDG_RUNTIME_DIR: dir },
    });
    if (ran.error) return skip('systemd-analyze is not here');
    expect(ran.stdout + ran.stderr).not.toMatch(/pt-train\.service/);
    expect(ran.status, ran.stderr).toBe(0);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
