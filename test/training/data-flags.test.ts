import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, it } from 'vitest';

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'pt-data-'));
  const rows = Array.from({ length: 400 }, (_, i) =>
    JSON.stringify({
      id: i,
      body: `Row ${i} has its own words, and ${i * i} of them are numbers. `.repeat(20),
    }),
  );
  rows[41] = '{"body": 7}';
  await writeFile(join(home, 'rows.jsonl'), rows.join('\n'));
});
afterAll(() => rm(home, { recursive: true, force: true }));

const train = (...args: string[]) =>
  execa(
    process.execPath,
    [resolve('bin/run.js'), 'train', '--offline', '--device', 'cpu', '--recipe', 'tiny', '--json', ...args],
    { reject: false, stdin: 'ignore', cwd: home, env: { PT_HOME: join(home, 'pt'), OMP_NUM_THREADS: '1' } },
  );

it('reads the column that is named, skips as many bad rows as allowed, and says what it read', async () => {
  const flags = ['--data', 'rows.jsonl', '--text-column', 'body', '--skip-bad-rows', '1', '--max-steps', '1'];
  const { exitCode, stdout, stderr } = await train(...flags);
  expect(exitCode, stderr).toBe(0);
  expect(stderr).toMatch(/rows\.jsonl, row 42 is skipped/);
  expect(stderr).toMatch(/rows\.jsonl, column body: 399 documents, [\d,]+ characters, 1 bad rows skipped/);
  const { data, runDir } = JSON.parse(stdout);
  expect(data).toMatchObject([{ column: 'body', documents: 399, skipped: 1, complete: true, unread: [] }]);
  const kept = JSON.parse(await readFile(join(runDir, 'data.json'), 'utf8'));
  expect(kept.sources).toEqual(data);
}, 120_000);

it.each([
  [[], /no column text; its columns: id \(number\), body \(string\)/],
  [['--text-column', 'id'], /row 1: the column id holds a number/],
  [['--text-column', 'body'], /row 42: the column body holds a number/],
])(
  'with %j it ends in an error that names file and row, and no way to resume',
  async (flags, words) => {
    const { exitCode, stdout, stderr } = await train('--data', 'rows.jsonl', '--max-steps', '1', ...flags);
    expect(exitCode).toBe(7);
    const { error } = JSON.parse(stdout);
    expect(error).toMatchObject({ code: 'trainer.bad_data', exitCode: 7 });
    expect(error.message).toMatch(words);
    expect(error.nextSteps.join()).not.toMatch(/--resume/);
    expect(stderr).not.toMatch(/Traceback/);
  },
  60_000,
);
