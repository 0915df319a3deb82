import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type King, keepStanding, type RunDuel } from '../../src/training/duel-folder.ts';
import { keepDecided, undecidedBest } from '../../src/training/undecided.ts';

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'pt-undecided-'));
});
afterAll(() => rm(home, { recursive: true, force: true }));

const king = { king: 'uid 7', trial: { by: 'share', n: 100 } } as King;
const fought = (step: number, won: number) => ({ step, sequences: 100, won, lost: 100 - won });
const standing = (step: number): RunDuel => ({
  ...{ step, king: 'uid 7', mean: 1, sequences: 100 },
  ...{ p: 0.99, low: 0.9, high: 1, more: 0 },
});

it('finds the best model of a run that goes on, with its own duel, until somebody has decided on it', async () => {
  const run = join(home, 'run');
  await mkdir(join(run, 'duel'), { recursive: true });
  expect(await undecidedBest(run, king, [])).toBeNull();
  await writeFile(join(run, 'best.json'), JSON.stringify({ step: 8, tokens: 1, eval_loss: 2.5 }));
  // Killed between the duel and its standing: the metrics have it. Another step's is not taken for it.
  await keepStanding(run, { best: null, newest: standing(4) });
  expect(await undecidedBest(run, king, [fought(4, 20)])).toEqual({ step: 8, loss: 2.5, duel: null });
  const found = await undecidedBest(run, king, [fought(4, 20), fought(8, 95)]);
  expect(found).toMatchObject({ step: 8, loss: 2.5, duel: { step: 8, sequences: 100 } });
  expect(found!.duel!.p).toBeGreaterThan(0.9);
  await keepStanding(run, { best: standing(8), newest: standing(12) });
  expect((await undecidedBest(run, king, []))?.duel).toEqual(standing(8));
  await keepDecided(run, 4);
  expect(await undecidedBest(run, king, [])).not.toBeNull();
  await keepDecided(run, 8);
  expect(await undecidedBest(run, king, [])).toBeNull();
});
