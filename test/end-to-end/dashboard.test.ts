import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SCHEMAS } from '../../src/output/index.ts';
import { cleanEnv, runPt } from '../commands/run-pt.ts';
import { makeRun } from '../report/make-run.ts';

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'pt-dashboard-e2e-'));
});
afterAll(() => rm(home, { recursive: true, force: true }));

test('pt train --dashboard: a page that follows the real trainer and ends with it; report.html stays', async () => {
  const child = execa(
    process.execPath,
    [resolve('bin/run.js'), ...'train --offline --max-steps 4 --eval-every-steps 2'.split(' ')].concat(
      '--dashboard',
      '--dashboard-port',
      '0',
      '--json',
    ),
    { stdin: 'ignore', extendEnv: false, env: cleanEnv({ HOME: home, PT_HOME: join(home, 'pt') }) },
  );
  const url = await new Promise<string>((found) => {
    let text = '';
    child.stderr.on('data', (chunk) => {
      text += chunk;
      const [, address] = /Live page: (\S+)/.exec(text) ?? [];
      if (address) found(address);
    });
  });
  let heard = '';
  const response = await fetch(`${url}events`);
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) heard += chunk;
  expect(heard).toMatch(/event: end\ndata: \{"farewell":"Training has ended.[^\n]*"\}\n\n$/);
  expect(heard).toContain('Training');
  expect(heard).toContain('class=\\"state done\\"');

  const { stdout, exitCode } = await child;
  expect(exitCode).toBe(0);
  const { report, steps } = JSON.parse(stdout);
  expect(steps).toBe(4);
  const page = await readFile(report, 'utf8');
  expect(page).toContain('class="state done"');
  expect(page).toContain('Validators would');
  expect(page).not.toContain('"live":true');
  await expect(fetch(url)).rejects.toThrow();
}, 120_000);

test('pt dashboard: the page of several runs until Ctrl-C, whether they go on or not', async () => {
  const run = await makeRun(join(home, 'pt', 'runs', 'still-on'), { steps: 9, state: 'running' });
  const child = execa(
    process.execPath,
    [resolve('bin/run.js'), 'dashboard', 'still', 'latest', '--port', '0', '--json'],
    {
      stdin: 'ignore',
      extendEnv: false,
      env: cleanEnv({ HOME: home, PT_HOME: join(home, 'pt') }),
      reject: false,
    },
  );
  const url = await new Promise<string>((found) => {
    let text = '';
    child.stderr.on('data', (chunk) => {
      text += chunk;
      const [, address] = /Live page of 2 runs: (\S+)/.exec(text) ?? [];
      if (address) found(address);
    });
  });
  expect(await (await fetch(url)).text()).toContain('2 runs compared');
  const response = await fetch(`${url}events`);
  let heard = '';
  let interrupted = false;
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    heard += chunk;
    // The page was open while the run ended.
    if (heard.includes('1 being trained') && !heard.includes('None is being trained')) {
      const state = JSON.parse(await readFile(join(run, 'state.json'), 'utf8'));
      await writeFile(join(run, 'state.json'), JSON.stringify({ ...state, state: 'done' }));
    }
    // Once: a second Ctrl-C ends any command at once.
    if (heard.includes('None is being trained') && !interrupted) interrupted = child.kill('SIGINT');
  }
  expect(heard).toMatch(/event: end\ndata: \{"farewell":"pt dashboard has ended.[^\n]*"\}\n\n$/);
  const { stdout, exitCode } = await child;
  expect(exitCode).toBe(0);
  const printed = SCHEMAS.dashboard.parse(JSON.parse(stdout));
  expect(printed.url).toBe(url);
  expect(printed.runs[0]).toEqual({ run: 'still-on', runDir: run });
  expect(printed.runs).toHaveLength(2);
});

test('a port that is taken ends it before anything begins', async () => {
  const other = createServer();
  await new Promise<void>((done) => other.listen(0, '127.0.0.1', done));
  const { port } = other.address() as AddressInfo;
  const fresh = join(home, 'none');
  const { code, json } = await runPt(
    ['train', '--offline', '--dashboard', '--dashboard-port', String(port), '--json'],
    { env: { PT_HOME: fresh } },
  );
  other.close();
  expect(code).toBe(2);
  expect(json().error).toMatchObject({ code: 'dashboard.port' });
  expect(existsSync(join(fresh, 'runs'))).toBe(false);
});

test('pt report: unknown runs, other places, and places that cannot be written', async () => {
  const env = { PT_HOME: join(home, 'pt') };
  const out = join(home, 'deep', 'er', 'run.html');
  const good = await runPt(['report', '--out', out, '--json'], { env });
  expect(good.json()).toMatchObject({ file: out, state: 'done', accepted: expect.any(Boolean) });
  expect(existsSync(out)).toBe(true);
  const unknown = await runPt(['report', 'nosuch', '--json'], { env });
  expect([unknown.code, unknown.json().error]).toMatchObject([2, { code: 'run.unknown' }]);
  const alike = await runPt(['dashboard', '2', 'nosuch', '--port', '0', '--json'], { env });
  expect([alike.code, alike.json().error]).toMatchObject([2, { code: 'run.unknown' }]);
  const none = await runPt(['report', '--json'], { env: { PT_HOME: join(home, 'empty') } });
  expect([none.code, none.json().error]).toMatchObject([2, { code: 'run.none' }]);
  const blocked = await runPt(['report', '--out', join(out, 'x.html'), '--json'], { env });
  expect([blocked.code, blocked.json().error]).toMatchObject([2, { code: 'disk.in_the_way' }]);
});
