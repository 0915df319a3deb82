import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { finish } from '../../src/progress.ts';
import { joinRun, needsOthers, runName } from '../../src/training/join-run.ts';
import { createRun, findRun, updateState } from '../../src/training/run-folder.ts';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'pt-machines-'));
});
afterEach(() => rm(home, { recursive: true, force: true }));
const never = new AbortController().signal;

describe('a run that several machines share', () => {
  it('needs a name that is a plain folder name', () => {
    expect(runName(undefined)).toBeNull();
    expect(runName('job-17.2_a')).toBe('job-17.2_a');
    for (const bad of ['', '.hidden', 'a/b', '..', 'a b', 'x'.repeat(65)])
      expect(() => runName(bad)).toThrow(/--run/);
    expect([needsOthers(undefined, null), needsOthers('1', null), needsOthers('1:1', null)]).toEqual([
      false,
      false,
      false,
    ]);
    expect([needsOthers('4', 'job'), needsOthers('1:4', 'job')]).toEqual([true, true]);
    expect(() => needsOthers('4', null)).toThrow(/agree on one run folder/);
  });

  it('is made by exactly one of those that ask at once', async () => {
    const asked = await Promise.allSettled(Array.from({ length: 8 }, () => createRun(home, 'job')));
    expect(asked.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const answer of asked)
      if (answer.status === 'rejected') expect(answer.reason).toMatchObject({ code: 'run.exists' });
  });

  it('is joined when its request is whole, and not before', async () => {
    const dir = await createRun(home, 'job');
    let joined = false;
    const joining = finish(joinRun(home, 'job', never)).then((found) => {
      joined = true;
      return found;
    });
    await new Promise((done) => setTimeout(done, 400));
    expect(joined).toBe(false);
    await updateState(dir, { state: 'running' });
    expect(await joining).toBe(dir);
  });

  it('is not joined when it has ended, was given up, or nobody wants it any more', async () => {
    const dir = await createRun(home, 'job');
    await updateState(dir, { state: 'done' });
    await expect(finish(joinRun(home, 'job', never))).rejects.toMatchObject({ code: 'run.exists' });
    await expect(finish(joinRun(home, 'gone', never))).rejects.toMatchObject({ code: 'run.gone' });
    await mkdir(join(home, 'half'));
    await expect(finish(joinRun(home, 'half', AbortSignal.timeout(300)))).rejects.toThrow(/abort|timeout/i);
  });

  it.each([
    ['runs', 'job'],
    ['elsewhere', null],
  ])('names a run in %s, when it is taken or has ended, so that the hint works', async (folder, id) => {
    const runs = join(home, folder);
    const dir = await createRun(runs, 'job', home);
    await updateState(dir, { state: 'done' });
    const nextSteps = expect.arrayContaining([`pt train --resume ${id ?? dir}`]);
    await expect(createRun(runs, 'job', home)).rejects.toMatchObject({ code: 'run.exists', nextSteps });
    await expect(finish(joinRun(runs, 'job', never, home))).rejects.toMatchObject({ nextSteps });
  });

  it('counts as the newest by its time, whatever its name', async () => {
    for (const [name, day] of [
      ['zebra', '01'],
      ['20261123-101500-3f9a', '02'],
      ['ant', '03'],
    ]) {
      const dir = await createRun(home, name);
      await writeFile(join(dir, 'run.json'), '{"version":1}');
      await updateState(dir, { state: 'done', started_at: `2026-11-${day}T00:00:00.000Z` });
    }
    expect(await findRun(home, null)).toBe(join(home, 'ant'));
  });
});

describe.runIf(process.env.PT_SLOW)('two launchers as on two machines', () => {
  it('train one model in one folder, and go on together', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((ready) => server.once('listening', ready));
    const { port } = server.address() as { port: number };
    await new Promise((done) => server.close(done));
    const both = (...args: string[]) =>
      Promise.all(
        [0, 1].map(() =>
          execa(
            process.execPath,
            [
              resolve('bin/run.js'),
              ...['train', '--offline', '--device', 'cpu', '--json', '--gpus', '1', '--nnodes', '2'],
              ...['--rdzv-endpoint', `127.0.0.1:${port}`, ...args],
            ],
            { reject: false, stdin: 'ignore', env: { PT_HOME: home, OMP_NUM_THREADS: '1' } },
          ),
        ),
      );
    const first = await both('--recipe', 'tiny', '--run', 'shared', '--max-steps', '4');
    for (const { exitCode, stdout, stderr } of first) {
      expect(exitCode, stderr).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ runDir: join(home, 'runs', 'shared'), steps: 4 });
    }
    const second = await both('--resume', 'shared', '--max-steps', '6');
    for (const { exitCode, stdout, stderr } of second) {
      expect(exitCode, stderr).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ resumed: true, steps: 6 });
    }
    const lines = (await readFile(join(home, 'runs', 'shared', 'metrics.jsonl'), 'utf8')).trim().split('\n');
    const steps = lines.map((line) => JSON.parse(line)).filter((line) => 'loss' in line);
    expect(steps.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6]);
    const starts = (await readFile(join(home, 'runs', 'shared', 'events.jsonl'), 'utf8'))
      .split('\n')
      .filter((line) => line.includes('"type": "start"'));
    expect(starts.map((line) => JSON.parse(line).world_size)).toEqual([2, 2]);
  }, 300_000);
});
