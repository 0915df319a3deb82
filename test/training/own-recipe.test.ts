import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, it } from 'vitest';

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'pt-own-'));
});
afterAll(() => rm(home, { recursive: true, force: true }));

const train = (...args: string[]) =>
  execa(
    process.execPath,
    [resolve('bin/run.js'), 'train', '--offline', '--device', 'cpu', '--json', ...args],
    {
      reject: false,
      stdin: 'ignore',
      cwd: home,
      env: { PT_HOME: join(home, 'pt'), OMP_NUM_THREADS: '1' },
    },
  );

it("the guide's recipe file trains, and goes on from the copy in the run folder", async () => {
  const guide = await readFile('docs/custom-miner.md', 'utf8');
  const example = /```python\n(# my_recipe\.py\n[\s\S]*?)```/.exec(guide)?.[1];
  const file = join(home, 'my_recipe.py');
  await writeFile(file, example!);
  const first = await train('--recipe', 'my_recipe.py', '--max-steps', '4');
  expect(first.exitCode, first.stderr).toBe(0);
  const { runDir, bestDir, bestLoss, tokens } = JSON.parse(first.stdout);
  expect(tokens).toBe(4 * 4 * 128);
  expect(JSON.parse(await readFile(join(bestDir, 'config.json'), 'utf8'))).toMatchObject({
    architectures: ['LlamaForCausalLM'],
    hidden_size: 96,
  });
  await writeFile(file, 'raise RuntimeError("changed after the run began")\n');
  const second = await train('--resume', '--max-steps', '6');
  expect(second.exitCode, second.stderr).toBe(0);
  expect(JSON.parse(second.stdout)).toMatchObject({ runDir, resumed: true, steps: 6 });
  expect(JSON.parse(second.stdout).bestLoss).toBeLessThan(bestLoss);
  expect(await readFile(join(runDir, 'recipe.py'), 'utf8')).toBe(example);
}, 180_000);

it('a fault in it is named with its line, without a traceback, and exits 7', async () => {
  await writeFile(join(home, 'fault.py'), 'RECIPE = {}\nwidth = RECIPE["width"]\n');
  const { exitCode, stdout, stderr } = await train('--recipe', 'fault.py', '--max-steps', '1');
  expect(exitCode).toBe(7);
  const { error } = JSON.parse(stdout);
  expect(error).toMatchObject({ code: 'trainer.bad_recipe', exitCode: 7 });
  expect(error.message).toMatch(/fault\.py, line 2: KeyError/);
  expect(error.nextSteps[0]).toMatch(/^Correct .*fault\.py:2$/);
  expect(stderr).not.toMatch(/Traceback/);
  expect(existsSync(join(home, 'pt', 'runs'))).toBe(true);
});
