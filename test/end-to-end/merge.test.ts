import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runPt } from '../commands/run-pt.ts';

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'pt-merge-'));
});
afterAll(() => rm(home, { recursive: true, force: true }));

const pt = (line: string, offline = ['--offline']) =>
  runPt([...line.split(' '), '--json', ...offline], {
    cwd: home,
    env: { HOME: home, PT_HOME: join(home, 'pt') },
  });

interface Merged {
  out: string | null;
  best: string;
  candidates: { name: string; weights: number[]; loss: number }[];
}

it('scores models and mixtures on one sample and keeps the best mixture, or none', async () => {
  const train = 'train --recipe tiny --data builtin --max-steps';
  const first = (await pt(`${train} 6 --run a`)).json() as { bestDir: string };
  const second = (await pt(`${train} 6 --run b --seed 1`)).json() as { bestDir: string };
  const sample = '--data builtin --pages 2';

  // Two that were never one model: what lies between is worse than both.
  const unlike = await pt(`merge ${first.bestDir} ${second.bestDir} --grid 2 --out none ${sample}`);
  expect(unlike.code, unlike.stderr).toBe(0);
  const none = unlike.json() as unknown as Merged;
  expect(none.candidates.map(({ name }) => name)).toEqual(['a/best', 'b/best', '0.5 a/best + 0.5 b/best']);
  const losses = none.candidates.map(({ loss }) => loss);
  expect(losses.every((loss) => loss > 0 && loss < 20)).toBe(true);
  expect(none.out === null).toBe(losses[2]! >= Math.min(losses[0]!, losses[1]!));
  expect(existsSync(join(home, 'none'))).toBe(none.out !== null);

  // A soup grows from the best model, by those that lower its loss: the same two, the same losses.
  const soup = await pt(`merge ${first.bestDir} ${second.bestDir} --greedy --out soup ${sample}`);
  expect(soup.code, soup.stderr).toBe(0);
  const grown = soup.json() as unknown as Merged;
  expect(grown.candidates.map(({ weights }) => weights)).toEqual([
    [1, 0],
    [0, 1],
    [0.5, 0.5],
  ]);
  expect(grown.candidates.map(({ loss }) => loss)).toEqual(losses);
  expect(grown.out === null).toBe(none.out === null);

  // Beyond the second, away from the first: written as asked, without a score.
  const asked = await pt(`merge a@best ${second.bestDir} --weights 0.25,0.75 --out asked --no-score`);
  expect(asked.json()).toMatchObject({ out: join(home, 'asked'), best: '0.25 a@best + 0.75 best' });
  expect((await readdir(join(home, 'asked'))).toSorted()).toEqual((await readdir(first.bestDir)).toSorted());
  expect((await pt('check asked')).code).not.toBe(1);
  expect(
    (await readdir(home)).filter((name) => name.startsWith('.asked') || name.startsWith('.none')),
  ).toEqual([]);

  // A checkpoint as a model: of the best step, what lies in best/.
  const exported = await pt('merge a@6 --out six --no-score');
  expect(exported.code, exported.stderr).toBe(0);
  for (const name of await readdir(first.bestDir))
    expect((await readFile(join(home, 'six', name))).equals(await readFile(join(first.bestDir, name)))).toBe(
      true,
    );
  // All of a run, of which it has one: better than the other run's start, there is none to go back to.
  const random = await pt('merge a@.. b@start --out no');
  expect(random.json()).toMatchObject({ error: { code: 'merge.no_start' } });

  // What was tried stands in the reports of the run and of what was written.
  const shown = await pt('report a', []);
  const page = await readFile((shown.json() as { file: string }).file, 'utf8');
  expect(page).toContain('Best: a@6.');
  expect(page).toContain('<th scope="row">0.5 a/best + 0.5 b/best</th>');
  const mixture = await pt('report asked', []);
  expect(mixture.json()).toMatchObject({ file: join(home, 'asked.report.html'), run: null, runs: [] });
  expect(await readFile(join(home, 'asked.report.html'), 'utf8')).toContain('0.25 a@best + 0.75 best');

  const again = await pt(`merge ${first.bestDir} ${second.bestDir} --out asked`);
  expect(again).toMatchObject({ code: 2 });
  expect(again.json()).toMatchObject({ error: { code: 'merge.out_exists' } });
  const alone = await pt(`merge ${first.bestDir} --out alone`);
  expect(alone.json()).toMatchObject({ error: { code: 'usage.models' } });
}, 300_000);
