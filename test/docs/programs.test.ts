import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cleanEnv, root, runPt } from '../commands/run-pt.ts';
import { blocksOf } from './blocks.ts';

/** The programs of docs/custom-miner.md, run as they stand there, one after another on one sandbox. */
const PAGE = 'docs/custom-miner.md';
const programs = blocksOf(PAGE);
const one = (language: string, starts: string) => {
  const found = programs.filter((block) => block.language === language && block.text.startsWith(starts));
  expect(found, `${language} blocks of ${PAGE} that start with ${starts}`).toHaveLength(1);
  return found[0]!.text;
};

let home: string;
let env: Record<string, string>;
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'pt-programs-'));
  const bin = join(home, 'bin');
  mkdirSync(bin);
  writeFileSync(
    join(bin, 'pt'),
    `#!/bin/sh\nexec "${process.execPath}" "${join(root, 'bin/run.js')}" "$@"\n`,
  );
  chmodSync(join(bin, 'pt'), 0o755);
  // As `npm install pretrain-miner` and `pip install ./python` leave it.
  mkdirSync(join(home, 'node_modules'));
  symlinkSync(root, join(home, 'node_modules', 'pretrain-miner'));
  env = {
    PATH: [bin, process.env.PATH].join(delimiter),
    HOME: home,
    PT_HOME: join(home, 'pt'),
    PYTHONPATH: join(root, 'python'),
    PYTHONDONTWRITEBYTECODE: '1',
  };
  await runPt(['sandbox', 'start', '--detach'], { env, cwd: home });
});
afterAll(async () => {
  await runPt(['sandbox', 'stop'], { env, cwd: home });
  rmSync(home, { recursive: true, force: true });
});

const run = (program: string, args: string[], more: Record<string, string> = {}) =>
  new Promise<{ code: number; output: string }>((settle) => {
    execFile(program, args, { cwd: home, env: cleanEnv({ ...env, ...more }) }, (error, stdout, stderr) =>
      settle({ code: error === null ? 0 : Number(error.code ?? -1), output: stdout + stderr }),
    );
  });

test('the recipe trains, and what it trains can be published', async () => {
  writeFileSync(join(home, 'my_recipe.py'), one('python', '# my_recipe.py'));
  const trained = await runPt(
    ['train', '--network', 'sandbox', '--recipe', 'my_recipe.py', '--max-steps', '2', '--json'],
    { env, cwd: home },
  );
  expect(trained.code, trained.stderr).toBe(0);
  const { bestDir, steps } = trained.json() as { bestDir: string; steps: number };
  expect(steps).toBe(2);
  const to = ['--load-model-dir', bestDir, '--hf-repo-id', 'me/first', '--json'];
  const published = await runPt(['upload', '--network', 'sandbox', ...to], { env, cwd: home });
  expect(published.code, published.stderr).toBe(0);
}, 180_000);

test('the TypeScript program loads, saves and publishes, and its types hold', async () => {
  const text = one('ts', 'import { graph');
  writeFileSync(
    join(home, 'miner.ts'),
    `${text}\nconsole.log(JSON.stringify({ uid, repo: repo?.repo, url: repo?.url }));\n`,
  );
  writeFileSync(join(home, 'package.json'), '{"type": "module"}\n');
  const ran = await run(process.execPath, ['miner.ts']);
  expect(ran.code, ran.output).toBe(0);
  expect(JSON.parse(ran.output.trim().split('\n').at(-1)!)).toMatchObject({ uid: 1, repo: 'me/model' });
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const options = '--noEmit --strict --module nodenext --target es2024 --skipLibCheck --types node'.split(
    ' ',
  );
  const typeRoots = ['--typeRoots', join(root, 'node_modules', '@types')];
  expect(await run(process.execPath, [tsc, ...options, ...typeRoots, 'miner.ts'])).toEqual({
    code: 0,
    output: '',
  });
}, 120_000);

test('the Python program does the same', async () => {
  rmSync(join(home, 'best'), { recursive: true, force: true });
  const { json } = await runPt(['sandbox', 'env', '--json'], { env, cwd: home });
  const onSandbox = json().env as Record<string, string>;
  writeFileSync(join(home, 'miner.py'), one('python', 'from pretrain_miner'));
  const ran = await run(process.env.PT_PYTHON!, ['miner.py'], onSandbox);
  expect(ran.code, ran.output).toBe(0);
  const status = await runPt(['status', '--network', 'sandbox', '--json'], { env, cwd: home });
  expect(status.json().neurons).toContainEqual(expect.objectContaining({ repo: 'me/model' }));
}, 180_000);
