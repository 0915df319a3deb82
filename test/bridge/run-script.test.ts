import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  closeBridge,
  findPython,
  runScript,
  startTrainer,
  type TrainerRequest,
} from '../../src/bridge/index.ts';
import { FIXTURE, newRunDir, processesOf } from './support.ts';

let runDir: string;
beforeEach(() => {
  runDir = newRunDir();
});
afterEach(async () => {
  await closeBridge();
  expect(processesOf(runDir)).toEqual([]);
  rmSync(runDir, { recursive: true, force: true });
});

async function request(behaviour: string, config: object = {}): Promise<TrainerRequest> {
  const path = join(runDir, 'run.json');
  writeFileSync(path, JSON.stringify({ run_dir: runDir, behaviour, ...config }));
  return { python: await findPython(), script: FIXTURE, config: path, runDir, hangSeconds: 20 };
}

test('gives the result event, and can be used again in the same process', async () => {
  for (let round = 1; round <= 3; round += 1) {
    const work = runScript(await request('finish'));
    const types: string[] = [];
    for (;;) {
      const next = await work.next();
      if (next.done) {
        expect(next.value).toMatchObject({ type: 'result', value: 42 });
        break;
      }
      types.push(next.value.type);
    }
    expect(types).toEqual(['start', 'step', 'step', 'step', 'result', 'done']);
  }
});

test('a script without a result has failed', async () => {
  const work = runScript(await request('flood', { steps: 1 }));
  await expect(
    (async () => {
      while (!(await work.next()).done);
    })(),
  ).rejects.toMatchObject({ code: 'trainer.no_result', exitCode: 7 });
});

test('aborting the signal stops it', async () => {
  const stop = new AbortController();
  const work = runScript(await request('run'), stop.signal);
  await work.next();
  stop.abort();
  await expect(
    (async () => {
      while (!(await work.next()).done);
    })(),
  ).rejects.toMatchObject({ code: 'cancelled', exitCode: 130 });
});

test('who stops listening ends the trainer', async () => {
  const trainer = await startTrainer(await request('run'));
  for await (const event of trainer.events) if (event.type === 'step') break;
  expect(processesOf(runDir)).toEqual([]);
});

test('closeBridge ends a trainer that nobody listens to', async () => {
  await startTrainer(await request('run'));
  await closeBridge();
  for (let tries = 0; tries < 100 && processesOf(runDir).length > 0; tries += 1) await sleep(20);
  expect(processesOf(runDir)).toEqual([]);
});

test('two at once, each with its own events', async () => {
  const other = newRunDir();
  try {
    const path = join(other, 'run.json');
    writeFileSync(path, JSON.stringify({ run_dir: other, behaviour: 'finish', steps: 7 }));
    const works = [
      runScript(await request('finish')),
      runScript({ ...(await request('finish')), config: path, runDir: other }),
    ];
    const counts = await Promise.all(
      works.map(async (work) => {
        let steps = 0;
        for (;;) {
          const next = await work.next();
          if (next.done) return steps;
          if (next.value.type === 'step') steps += 1;
        }
      }),
    );
    expect(counts).toEqual([3, 7]);
  } finally {
    rmSync(other, { recursive: true, force: true });
  }
});
