import { appendFile, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { followLines } from '../../src/host/follow-lines.ts';
import { createCollector } from '../../src/report/collect.ts';
import { metricLine } from './make-run.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pt-collect-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

describe('a growing file', () => {
  test('gives whole lines once each; a torn one when it is whole', async () => {
    const path = join(dir, 'lines');
    const follower = followLines(path);
    const seen: string[] = [];
    const read = () =>
      follower.read(
        (line) => seen.push(line),
        () => seen.push('RESTART'),
      );
    await read();
    await writeFile(path, 'one\ntw');
    await read();
    await read();
    expect(seen).toEqual(['one']);
    await appendFile(path, 'o ü\n');
    await read();
    expect(seen).toEqual(['one', 'two ü']);
    await writeFile(`${path}.new`, 'anew\n');
    await rename(`${path}.new`, path);
    await read();
    expect(seen).toEqual(['one', 'two ü', 'RESTART', 'anew']);
  });

  test('larger than a piece is read whole; a line without end is let go', async () => {
    const path = join(dir, 'lines');
    const lines = Array.from({ length: 40_000 }, (_, i) => `${i} ${'é'.repeat(20)}`);
    await writeFile(path, `${lines.join('\n')}\n${'x'.repeat(3 << 20)}`);
    const follower = followLines(path);
    const seen: string[] = [];
    await follower.read(
      (line) => seen.push(line),
      () => {},
    );
    expect(seen).toEqual(lines);
    await appendFile(path, '\nafter\n');
    await follower.read(
      (line) => seen.push(line),
      () => {},
    );
    expect(seen.at(-1)).toBe('after');
  });
});

describe('what the logs say', () => {
  test('lines that are none, and steps that go back, are passed over', () => {
    const { data, metric } = createCollector();
    for (const line of ['', '{', 'null', '[1]', '"x"', '{"step": -1, "loss": 1}', '{"step": 1.5, "loss": 1}'])
      metric(line);
    expect(data.series.train.length).toBe(0);
    metric('{"step": 3, "tokens": 30, "loss": 2.5, "lr": "high", "grad_norm": {}}');
    metric('{"step": 2, "loss": 9}');
    metric('{"step": 3, "tokens": 30, "eval_loss": null}');
    expect(data).toMatchObject({ lastStep: 3, lastTokens: 30, badSteps: 0 });
    expect(data.series.train.points()).toEqual({ x: [3], y: [2.5] });
    expect(data.evals).toEqual([{ step: 3, tokens: 30, loss: null }]);
  });

  test('losses that are not finite are counted', () => {
    const { data, metric } = createCollector();
    metric(metricLine(1, true));
    metric('{"step": 2, "tokens": 2, "eval_loss": null}');
    expect(data.badSteps).toBe(1);
    expect(data.evals).toEqual([{ step: 2, tokens: 2, loss: null }]);
  });

  test('a resumed run has no step twice, and pauses are no work', () => {
    const { data, event } = createCollector();
    const step = (step: number, time: number, speed: number) =>
      event(
        JSON.stringify({ type: 'step', time, step, tokens_per_second: speed, mfu: null, memory_bytes: 5 }),
      );
    event(JSON.stringify({ type: 'start', time: 100, resumed_from: null, total_steps: 9 }));
    step(1, 101, 10);
    step(2, 102, 10);
    step(3, 110, 10);
    event(JSON.stringify({ type: 'phase', time: 4990, name: 'loading', detail: 'PyTorch' }));
    event(JSON.stringify({ type: 'start', time: 5000, resumed_from: 2, total_steps: 9 }));
    step(3, 5005, 20);
    // A roll-back inside one part: the events say nothing else.
    step(2, 5006, 30);
    expect(data.series.speed.points()).toEqual({ x: [1, 2], y: [10, 30] });
    expect(data.series.mfu.length).toBe(0);
    expect(data.resumed).toEqual([2]);
    expect(data.seconds).toBe(16);
    expect(data.totalSteps).toBe(9);
  });
});
