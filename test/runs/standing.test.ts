import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { finish } from '../../src/progress.ts';
import { publish } from '../../src/publish/index.ts';
import { checkEarly, planPublish, publishBest } from '../../src/runs/publish-best.ts';
import { openForecastPublisher } from '../../src/runs/publish-on-forecast.ts';
import type { PublishIntent } from '../../src/training/index.ts';
import type { TrainOutcome } from '../../src/training/types.ts';
import { llamaConfig, withBuiltinTokenizer, writeModel } from '../model/support.ts';
import { makeModel, type Rig, startRig } from '../publish/support.ts';

/** A run publishes hours after it was asked about, and more than once; the same hotkey may be at work on another machine meanwhile. */

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(() => rig.close());

const { signal } = new AbortController();
const meant = (repo: string, change: Partial<PublishIntent> = {}) =>
  planPublish({ repo, threshold: 100, when: null, dtype: 'fp32', ...change }, async () => {}, rig.place);
const elsewhere = (text: string) => rig.chain.commit({ netuid: 9, text, hotkey: rig.hotkey });
const onChain = async () => (await rig.chain.commitment(9, rig.hotkey.ss58))?.text;

it('at its end, a run does not replace what was committed since it was asked about', async () => {
  const bestDir = await makeModel(join(rig.home, 'run', 'best'), { seed: 21 });
  const outcome = { runDir: join(rig.home, 'run'), bestDir, bestLoss: 1 } as TrainOutcome;
  const plan = meant('me/at-the-end');
  await finish(checkEarly(plan, rig.place, signal));
  await elsewhere('from another machine');
  await expect(finish(publishBest(plan, outcome, rig.place, signal))).rejects.toMatchObject({
    code: 'publish.replaced',
    exitCode: 2,
  });
  expect(await onChain()).toBe('from another machine');
  // Not by trying again, but when the run is gone on with: asked anew, it is what was asked about, whatever the journal has from before.
  await expect(finish(publishBest(plan, outcome, rig.place, signal))).rejects.toMatchObject({
    code: 'publish.replaced',
  });
  await finish(checkEarly(plan, rig.place, signal));
  const done = await finish(publishBest(plan, outcome, rig.place, signal));
  expect(await onChain()).toBe(done?.commitment);
  // The same once more, when this run's own commitment is what was replaced.
  await elsewhere('from another machine, later');
  await expect(finish(publishBest(plan, outcome, rig.place, signal))).rejects.toMatchObject({
    code: 'publish.replaced',
  });
  await finish(checkEarly(plan, rig.place, signal));
  await finish(publishBest(plan, outcome, rig.place, signal));
  expect(await onChain()).toBe(done?.commitment);
});

it('between two publishes, what an earlier try of the run brought on chain is its own', async () => {
  const dir = await makeModel(join(rig.home, 'first'), { seed: 22 });
  const request = { ...rig.request({ restart: true }), repo: 'me/between' };
  const standing = await rig.chain.commitment(9, rig.hotkey.ss58);
  const source = { kind: 'folder', dir, dtype: 'bf16' } as const;
  await finish(publish({ ...request, source, standing }, rig.place));
  // As if nobody had heard that it landed: the commitment that was asked about is the one before.
  const next = await makeModel(join(rig.home, 'second'), { seed: 23 });
  const second = await finish(publish({ ...request, source: { ...source, dir: next }, standing }, rig.place));
  expect(await onChain()).toBe(second.commitment);
});

it('against a king that was named, nothing while there is none: beaten by nobody is no win over him', async () => {
  const run = join(rig.home, 'runs', 'alone');
  cpSync(await makeModel(join(rig.home, 'lonely'), { seed: 24 }), join(run, 'best'), { recursive: true });
  mkdirSync(join(run, 'duel'));
  const of = { king: 'uid 7', dir: run, profile: '3.2', block: 1, kingBlock: 1, data: ['builtin'], seed: 0 };
  const sample = { asked: 8, sequences: 8, sequenceLength: 64, reserved: 8, whole: true, loss: 3, sd: 1 };
  const asks = { bars: [3], weights: null, trial: { by: 'share', n: 8 } };
  const king = { version: 1, madeAt: '', against: 'king', ...of, ...sample, ...asks };
  writeFileSync(join(run, 'duel', 'king.json'), JSON.stringify(king));
  const plan = meant('me/alone', { threshold: null, when: { pWin: 0.5, orEqual: false } });
  const before = await onChain();
  const publisher = await openForecastPublisher(
    { plan, runDir: run, signal, note: () => {}, warn: () => {}, onPublished: () => {} },
    rig.place,
  );
  try {
    publisher.offer(1, { step: 8, king: 'uid 7', mean: 1, sequences: 8, p: 1, low: 1, high: 1, more: 0 });
    await expect(publisher.finish()).rejects.toMatchObject({ code: 'load.no_model' });
    expect(await onChain()).toBe(before);
  } finally {
    await publisher.close();
  }
});

it('whenever it would win, but never in the place of another machine’s', async () => {
  const run = join(rig.home, 'runs', 'often');
  const best = (range: number) => {
    rmSync(join(run, 'best'), { recursive: true, force: true });
    mkdirSync(run, { recursive: true });
    const model = withBuiltinTokenizer(
      writeModel(
        join(rig.home, `pattern-${range}`),
        llamaConfig({ num_hidden_layers: 2, initializer_range: range }),
      ),
    );
    cpSync(model, join(run, 'best'), { recursive: true });
  };
  const plan = meant('me/often', { threshold: null, when: { pWin: 0.5, orEqual: false }, dtype: null });
  await finish(checkEarly(plan, rig.place, signal));
  const said: string[] = [];
  const say = (text: string) => void said.push(text);
  const publisher = await openForecastPublisher(
    { plan, runDir: run, signal, note: say, warn: say, onPublished: () => {} },
    rig.place,
  );
  const published = () => said.filter((text) => text.includes('is on chain since block')).length;
  try {
    best(0.02);
    publisher.offer(3);
    await expect.poll(published, { timeout: 120_000 }).toBe(1);
    best(0.03);
    publisher.offer(2);
    await expect.poll(published, { timeout: 120_000 }).toBe(2);
    await elsewhere('another machine again');
    best(0.04);
    publisher.offer(1);
    await expect
      .poll(() => said.some((text) => text.includes('has made another commitment')), { timeout: 120_000 })
      .toBe(true);
    await expect(publisher.finish()).rejects.toMatchObject({ code: 'publish.replaced' });
    expect(await onChain()).toBe('another machine again');
  } finally {
    await publisher.close();
  }
}, 400_000);
