import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { differencesOf } from '../../src/report/differences.ts';
import { runPage } from '../../src/report/page.ts';
import { namesOf, openRunReaders } from '../../src/report/run-report.ts';
import { makeRun } from './make-run.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pt-differences-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const read = (dirs: string[]) => Promise.all(openRunReaders(dirs).map((reader) => reader.read()));

describe('what differs between runs', () => {
  test('is every setting and fact that is not the same, and says what an unset one stands for', async () => {
    const [a, b] = ['a', 'b'].map((name) => join(dir, name)) as [string, string];
    await makeRun(a, { steps: 3 });
    await makeRun(b, { steps: 3, seed: 7 });
    const config = JSON.parse(await readFile(join(b, 'run.json'), 'utf8'));
    config.lr = 0.5;
    config.recipe.optimizer.muon_lr = 0.03;
    config.recipe.description = 'other words';
    config.data = [
      { name: 'plain', weight: 2 },
      { name: 'more', weight: 1 },
    ];
    await writeFile(join(b, 'run.json'), JSON.stringify(config));
    expect(differencesOf(await read([a, b]))).toEqual([
      { key: 'data', values: ['plain', 'plain × 2, more'] },
      { key: 'lr', values: ["the recipe's", '0.5'] },
      { key: 'recipe.optimizer.muon_lr', values: ['0.02', '0.03'] },
      { key: 'seed', values: ['0', '7'] },
    ]);
    expect(differencesOf(await read([a, a]))).toEqual([]);
  });

  test('runs of one name are told apart by their folders; a page of broken ones is a page', async () => {
    const [here, there] = [join(dir, 'here', 'run'), join(dir, 'there', 'run')];
    expect(namesOf([here, there, join(dir, 'other')])).toEqual(['here/run', 'there/run', 'other']);
    await makeRun(here, { steps: 0, state: 'running' });
    await makeRun(there, { steps: 5 });
    for (const file of ['run.json', 'metrics.jsonl', 'events.jsonl', 'state.json'])
      await writeFile(join(there, file), '[{"a":\0');
    const text = runPage(await read([here, there]), { script: 'void 0', style: '' });
    expect(text).toContain('2 runs compared');
    expect(text).not.toMatch(/NaN|undefined/);
  });
});
