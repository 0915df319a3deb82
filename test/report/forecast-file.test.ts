import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadConstants } from '../../src/constants.ts';
import type { Evaluation, ScoredModel } from '../../src/evaluation/types.ts';
import { evaluateOutput } from '../../src/output/evaluate.ts';
import { readLosses } from '../../src/publish/index.ts';
import { keepForecast, readForecast } from '../../src/report/forecast-file.ts';
import { makeRun } from './make-run.ts';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'pt-forecast-'));
});
afterEach(() => rm(home, { recursive: true, force: true }));

const model = (fields: Partial<ScoredModel>): ScoredModel => ({
  name: 'a',
  dir: '/nowhere/a',
  mine: true,
  loss: 2.5,
  low: 2.4,
  high: 2.6,
  winRate: 0.5,
  block: 100,
  uid: null,
  reasonable: true,
  notFinite: 0,
  parameters: 1,
  error: null,
  ...fields,
});

const evaluation = (models: ScoredModel[]): Evaluation => ({
  models,
  winner: 'a',
  lossToBeat: 2.4,
  lossToBeatLater: 2.45,
  epsilon: 0.005,
  epsilonLater: 0.001,
  decayedAtBlock: 200,
  pWin: 0.5,
  pWinLater: 0.6,
  advice: 'wait',
  sentence: 'Wait.',
  duel: null,
  matrix: [[null]],
  block: 101,
  profile: '3.2',
  competition: loadConstants().schedules['schedule.sandbox']!.periods[0]!.competitions[0]!,
  sample: { batches: 3, sequenceLength: 8, tokenizer: 't', data: ['builtin'], seed: 0 },
});

test('a forecast lies in the run whose model was scored, and only there', async () => {
  const run = await makeRun(join(home, 'runs', 'one'), { steps: 3 });
  const other = await makeRun(join(home, 'runs', 'two'), { steps: 3 });
  const place = { home, network: 'sandbox', netuid: 9 };
  const said = evaluation([model({ dir: join(run, 'best') }), model({ name: 'b' })]);
  expect(await keepForecast(said, place)).toEqual([run]);
  expect(await readForecast(run)).toMatchObject({
    network: 'sandbox',
    netuid: 9,
    evaluation: evaluateOutput(said),
  });
  expect(await readForecast(other)).toBeNull();
  await writeFile(join(run, 'forecast.json'), '{');
  expect(await readForecast(run)).toBeNull();
});

test("miners' losses are kept by network and uid, the newest of each; nothing of ours, nothing without a loss", async () => {
  const finney = { home, network: 'finney', netuid: 9 };
  await keepForecast(
    evaluation([model({ uid: 3, loss: 2.1, block: 7 }), model({ uid: 4, loss: null })]),
    finney,
  );
  await keepForecast(
    evaluation([model({ uid: 3, loss: 2.2, block: 8 }), model({ uid: null, loss: 1 })]),
    finney,
  );
  expect([...(await readLosses(finney))]).toMatchObject([[3, { loss: 2.2, block: 8, data: ['builtin'] }]]);
  expect((await readLosses({ ...finney, netuid: 1 })).size).toBe(0);
  expect((await readLosses({ ...finney, network: 'ws://127.0.0.1:9944' })).size).toBe(0);
});

test('an address as network is a file name, and a broken file knows nothing', async () => {
  const place = { home, network: 'ws://host:1/../../x', netuid: 2 };
  await keepForecast(evaluation([model({ uid: 1 })]), place);
  const path = join(home, 'losses', 'ws-host-1-..-..-x-2.json');
  expect(JSON.parse(await readFile(path, 'utf8'))).toHaveProperty('1');
  await writeFile(
    path,
    JSON.stringify({ 1: { loss: '<b>' }, '../2': 1, 5: { loss: 2, block: 1, at: 'x', data: [] } }),
  );
  expect([...(await readLosses(place)).keys()]).toEqual([5]);
});
