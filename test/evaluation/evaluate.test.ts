import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { closeBridge } from '../../src/bridge/index.ts';
import { loadConstants, profileNamed } from '../../src/constants.ts';
import { type EvaluateRequest, evaluate, parseModelRef } from '../../src/evaluation/index.ts';
import type { evaluateOutput } from '../../src/output/evaluate.ts';
import { openPlace } from '../../src/place.ts';
import { finish } from '../../src/progress.ts';
import { publish } from '../../src/publish/index.ts';
import { duel } from '../../src/rules/index.ts';
import { resolveSettings } from '../../src/settings/index.ts';
import { runPt } from '../commands/run-pt.ts';
import { llamaConfig, tempDir, withBuiltinTokenizer, writeModel } from '../model/support.ts';
import { startRig } from '../publish/support.ts';

afterAll(() => closeBridge());

/** A tiny model with the built-in tokenizer, as its own folder. */
function model(layers: number): string {
  return withBuiltinTokenizer(writeModel(tempDir(), llamaConfig({ num_hidden_layers: layers })));
}

const requestFor = (home: string, changes: Partial<EvaluateRequest>): EvaluateRequest => ({
  models: [],
  against: null,
  block: null,
  data: ['builtin'],
  pages: 1,
  seed: null,
  sequenceLength: 128,
  device: 'cpu',
  modelsDir: join(home, 'models'),
  ...changes,
});

describe('pt evaluate', () => {
  it('says which model computes NaN and fails when none could be scored', { timeout: 120_000 }, async () => {
    const numb = model(1);
    const config = JSON.stringify(llamaConfig({ num_hidden_layers: 1, rms_norm_eps: '@' }));
    writeFileSync(join(numb, 'config.json'), config.replace('"@"', 'NaN'));
    const args = ['evaluate', numb, '--offline', '--network', 'sandbox', '--sequence-length', '64'];
    const env = { PT_HOME: tempDir() };
    const ran = await runPt([...args, '--pages', '1', '--data', 'builtin', '--device', 'cpu'], { env });
    expect(ran.code).toBe(3);
    expect(ran.stderr).toMatch(/Warning: .* could not be scored: \d+ of its losses are NaN/);
    expect(ran.stderr).not.toContain('✓');
    expect(ran.stdout + ran.stderr).not.toContain('repeats itself');

    const empty = join(numb, 'empty.txt');
    writeFileSync(empty, '');
    const nothing = await runPt([...args, '--data', empty, '--json'], { env });
    expect(nothing.code).toBe(2);
    expect(nothing.json()).toMatchObject({ error: { code: 'data.empty' } });
  });
});

it('shows the infinite loss of a class that the release cannot score, and no such loss under another', {
  timeout: 240_000,
}, async () => {
  const config = {
    ...{
      architectures: ['GPT2LMHeadModel'],
      model_type: 'gpt2',
      vocab_size: 4096,
      tie_word_embeddings: true,
    },
    ...{ n_embd: 16, n_layer: 1, n_head: 2, n_positions: 256 },
  };
  const dir = withBuiltinTokenizer(writeModel(tempDir(), config));
  const args = ['evaluate', dir, '--offline', '--network', 'sandbox', '--sequence-length', '64'];
  const under = (profile: string) =>
    runPt([...args, '--pages', '1', '--data', 'builtin', '--device', 'cpu', '--profile', profile], {
      env: { PT_HOME: tempDir() },
    });
  const why = 'infinite loss: 6.0.4 gives every GPT2LMHeadModel an infinite loss';
  const lost = await under('6.0');
  expect(lost.stderr.replace(/\s+/g, ' ')).toContain(`could not be scored: ${why}`);
  expect(lost.code).toBe(3);
  expect((await under('3.2')).stderr).not.toContain('infinite loss: 6.0.4');
});

it('judges a duel by the profile’s rule on the same sequences, and says what it does not judge', {
  timeout: 240_000,
}, async () => {
  const [mine, king] = [model(1), model(2)];
  const args = ['evaluate', mine, '--against', king, '--offline', '--network', 'sandbox', '--device', 'cpu'];
  const env = { PT_HOME: tempDir(), COLUMNS: '80' };
  const under = (profile: string, sequences: number, ...more: string[]) =>
    runPt(
      [
        ...args,
        '--data',
        'builtin',
        '--sequence-length',
        '64',
        '--sequences',
        String(sequences),
        '--profile',
        profile,
        ...more,
      ],
      { env },
    );
  const printed = (await under('teutonic', 12, '--json')).json() as unknown as ReturnType<
    typeof evaluateOutput
  >;
  expect(printed).toMatchObject({
    sample: { batches: 12 },
    duel: { kind: 'bootstrap_lcb', n: 12, subnetN: 10_000 },
  });
  const { king: theirs, challenger } = printed.duel!.losses;
  const paired = duel.duelByLosses(
    profileNamed(loadConstants(), 'teutonic').duel,
    { king: theirs, challenger },
    { kingBlock: 0, block: 0 },
  )!;
  expect(printed.duel).toMatchObject({ bound: paired.bound, wins: paired.wins });
  expect(printed.winner).toBe(paired.wins ? printed.duel!.challenger : printed.duel!.king);
  const text = await under('teutonic', 12);
  expect(text.stdout).toMatch(/^p\(win\) +[<>]?\d+%/m);
  expect(text.stderr).toContain('Not judged here: behaviour');
  for (const line of text.stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);

  const judged = await under('albedo', 5000, '--json');
  expect(judged.json()).toMatchObject({
    advice: null,
    pWin: null,
    winner: null,
    duel: { wins: null, p: null },
  });
  expect(judged.stderr.replace(/\s+/g, ' ')).toMatch(/The text holds \d+ of 5000 sequences/);
});

describe('evaluate', () => {
  it('scores folders offline on the same real text, and forecasts', { timeout: 300_000 }, async () => {
    const home = tempDir();
    const settings = resolveSettings({
      flags: { offline: true, network: 'sandbox' },
      env: { PT_HOME: home },
      cwd: home,
      home,
    });
    const place = openPlace(settings, { env: process.env });
    const request = requestFor(home, { models: [parseModelRef(model(1))], against: parseModelRef(model(2)) });
    const result = await finish(evaluate(request, place));
    expect(result.models).toHaveLength(2);
    for (const m of result.models) {
      expect(m.error).toBeNull();
      // Untrained: no better and not much worse than guessing among 4,096.
      expect(m.loss).toBeGreaterThan(Math.log(4096) - 0.5);
      expect(m.loss).toBeLessThan(Math.log(4096) + 0.5);
      expect(m.low).toBeLessThanOrEqual(m.loss!);
      expect(m.high).toBeGreaterThanOrEqual(m.loss!);
    }
    expect(result.sample).toMatchObject({ sequenceLength: 128, tokenizer: 'builtin', data: ['builtin'] });
    expect(result.sample.batches).toBeGreaterThan(1);
    expect(result.models[0]!.winRate! + result.models[1]!.winRate!).toBeLessThanOrEqual(1);
    // Weights without training say the same thing over and over: validators would not score such a model.
    expect(result.models[0]!.reasonable).toBe(false);
    expect(result).toMatchObject({ advice: 'train', pWin: 0 });
    expect(result.sentence).toContain('repeats itself');
  });

  it('downloads the best on the network and gives it its head start', { timeout: 300_000 }, async () => {
    const rig = await startRig();
    try {
      // Two layers of this pattern do not repeat themselves.
      const own = model(2);
      const source = { kind: 'folder', dir: own, dtype: 'bf16' } as const;
      const published = await finish(publish(rig.request({ source }), rig.place));
      const place = { ...rig.place, offline: true };
      const result = await finish(
        evaluate(
          requestFor(rig.home, { models: [parseModelRef(own)], against: parseModelRef('best') }),
          place,
        ),
      );
      const [mine, best] = result.models;
      expect(best).toMatchObject({ uid: 1, name: `uid 1 (${published.repo})`, error: null });
      expect(best!.block).toBe(published.block);
      expect(best!.block).toBeLessThan(mine!.block);
      // The same weights, once in fp32 and once as published: whoever came first stays ahead.
      expect(best!.loss).toBeCloseTo(mine!.loss!, 2);
      expect(result.lossToBeat).toBeCloseTo(best!.loss! * 0.995, 10);
      expect(result.pWin).toBe(0);
      expect(result.matrix[0]![1]).toBe(0);
    } finally {
      await rig.close();
    }
  });
});
