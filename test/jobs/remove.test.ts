import { existsSync } from 'node:fs';
import { link, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { labelRun, removable, removeQuestion, removeRuns, toPrune } from '../../src/jobs/index.ts';
import { holdRun, type RunSummary, readLabels, summariseRun } from '../../src/training/index.ts';
import { makeRun } from '../report/make-run.ts';

let runs: string;
let dir: string;
beforeEach(async () => {
  runs = await mkdtemp(join(tmpdir(), 'pt-remove-'));
  dir = await makeRun(join(runs, 'one'), { steps: 3 });
});
afterEach(() => rm(runs, { recursive: true, force: true }));

describe('runs that are removed', () => {
  it('are gone, with the bytes that they alone held', async () => {
    const before = (await removable(dir)).bytes;
    await writeFile(join(dir, 'large'), Buffer.alloc(1000));
    await writeFile(join(dir, 'linked'), Buffer.alloc(5000));
    await link(join(dir, 'linked'), join(runs, 'elsewhere'));
    const run = await removable(dir);
    expect(run).toMatchObject({ run: 'one', state: 'done', bytes: before + 1000 });
    await removeRuns([run]);
    expect(existsSync(dir)).toBe(false);
    expect((await readFile(join(runs, 'elsewhere'))).length).toBe(5000);
  });

  it('are not those that somebody trains', async () => {
    const lock = holdRun(dir);
    await expect(removable(dir)).rejects.toMatchObject({ code: 'run.busy' });
    lock?.release();
    const run = await removable(dir);
    const again = holdRun(dir);
    await expect(removeRuns([run])).rejects.toMatchObject({ code: 'run.busy' });
    expect(existsSync(join(dir, 'run.json'))).toBe(true);
    again?.release();
  });

  it('that were published are named in the question', async () => {
    const run = { ...(await removable(dir)), published: 'me/first' };
    expect(removeQuestion([run], '1 kB')).toBe(
      'one was published as me/first; its best model, one/best, goes too.\nRemove run one (1 kB)?',
    );
  });
});

describe('what people call a run', () => {
  it('is kept beside what the trainer writes, and seen in its summary', async () => {
    await labelRun(dir, { add: ['muon', 'baseline', 'muon'] });
    await labelRun(dir, { remove: ['muon'], note: 'lr 3e-4' });
    expect(await readLabels(dir)).toEqual({ tags: ['baseline'], note: 'lr 3e-4' });
    expect((await summariseRun(dir)).labels).toEqual({ tags: ['baseline'], note: 'lr 3e-4' });
    await expect(labelRun(dir, { add: ['two words'] })).rejects.toMatchObject({ code: 'usage.tag' });
  });
});

describe('pruning', () => {
  const now = new Date('2026-11-26T12:00:00Z');
  const run = (id: string, days: number, more: Partial<RunSummary> = {}): RunSummary => ({
    id,
    dir: id,
    startedAt: '',
    endedAt: new Date(now.getTime() - days * 86_400_000).toISOString(),
    state: 'done',
    recipe: 'tiny',
    seconds: 1,
    steps: 1,
    totalSteps: null,
    loss: null,
    bestLoss: null,
    duel: null,
    labels: { tags: [], note: null },
    error: null,
    published: null,
    ...more,
  });
  const all = [
    run('running', 0, { state: 'running', endedAt: null }),
    run('new', 1),
    run('failed', 2, { state: 'failed' }),
    run('old', 40),
    run('old-failed', 50, { state: 'failed' }),
    run('tagged', 60, { state: 'failed', labels: { tags: ['keep'], note: null } }),
    run('published', 70, { state: 'failed', published: { repo: 'me/first' } }),
    run('no-time', 0, { endedAt: null }),
  ];
  const pruned = (rules: object) =>
    toPrune(all, { failed: false, olderThan: null, keep: 0, now, ...rules }).map(({ id }) => id);

  it.each([
    [{ failed: true }, ['failed', 'old-failed']],
    [{ olderThan: 30 * 86_400 }, ['old', 'old-failed']],
    [{ failed: true, olderThan: 30 * 86_400 }, ['old-failed']],
    [{ keep: 3 }, ['old', 'old-failed', 'no-time']],
    [{ keep: 99 }, []],
  ])('%j', (rules, expected) => expect(pruned(rules)).toEqual(expected));
});
