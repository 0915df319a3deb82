import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import type { RunPages } from '../../src/runs/run-pages.ts';
import { root } from '../commands/run-pt.ts';
import { makeRun } from './make-run.ts';

test('a run does not fail for its picture: what is in the way is told, and nothing half-written stays', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'pt-run-pages-'));
  // As it was built: script and style of the page come with it.
  const { openRunPages } = await import(pathToFileURL(join(root, 'dist/runs/run-pages.js')).href);
  const run = await makeRun(join(dir, 'run'), { steps: 5 });
  const warnings: string[] = [];
  const end = async (): Promise<string | null> => {
    const pages: RunPages = await openRunPages({});
    return pages.end(run, { place: null!, finished: false, warn: (text) => warnings.push(text) });
  };
  expect(await end()).toBe(join(run, 'report.html'));
  await rm(join(run, 'report.html'));
  await mkdir(join(run, 'report.html', 'full'), { recursive: true });
  expect(await end()).toBeNull();
  expect(warnings).toEqual([expect.stringContaining('report.html was not written')]);
  expect(existsSync(join(run, 'report.html', 'full'))).toBe(true);
  expect((await readdir(run)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  await rm(dir, { recursive: true, force: true });
});
