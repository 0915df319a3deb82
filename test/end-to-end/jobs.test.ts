import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isAlive } from '../../src/host/process.ts';
import { runPt } from '../commands/run-pt.ts';

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'pt-jobs-'));
});
afterAll(async () => {
  await pt('stop --now');
  await rm(home, { recursive: true, force: true });
});

const pt = (line: string, options: Partial<Parameters<typeof runPt>[1]> = {}) =>
  runPt(line.split(' '), { cwd: home, env: { HOME: home, PT_HOME: join(home, 'pt') }, ...options });
const state = async (name: string) =>
  JSON.parse(await readFile(join(home, 'pt', 'runs', name, 'state.json'), 'utf8'));

describe('a run in the background', () => {
  it('goes on when the shell is gone, and is watched, read and stopped from another', async () => {
    const started = await pt('train --offline --recipe tiny --run job --epochs -1 --detach --json');
    expect(started.code, started.stderr).toBe(0);
    const { pid, run, log } = started.json() as { pid: number; run: string; log: string };
    expect(run).toBe('job');
    expect(await state('job')).toMatchObject({ state: 'running', pid });

    const again = await pt('train --resume job --offline --detach --json');
    expect(again.json()).toMatchObject({ error: { code: 'run.busy' } });

    // Until a step was seen; Ctrl-C leaves the run as it is.
    const seen = await pt('logs -f', { signalAfter: /Step \d+: loss/ });
    expect(seen.stdout).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}Training: /m);
    const watched = await pt('attach', { signalAfter: /Training/ });
    expect(watched.code).toBe(130);
    expect(watched.stderr).toMatch(/Run job goes on\. \[cancelled\]/);
    expect(watched.stderr).not.toContain('Error:');
    expect(isAlive(pid)).toBe(true);

    const stopped = await pt('stop --json');
    expect(stopped.json()).toMatchObject({ run: 'job', state: 'cancelled' });
    expect(isAlive(pid)).toBe(false);
    const { steps } = stopped.json() as { steps: number };
    expect(await readdir(join(home, 'pt', 'runs', 'job', 'checkpoints'))).toContain(`step-${steps}`);
    expect((await pt('stop job --json')).json()).toMatchObject({ state: 'cancelled', steps });
    expect((await pt('stop --json')).json()).toMatchObject({ error: { code: 'run.none_running' } });

    const lines = (await pt('logs latest --lines 2 --json')).json() as { lines: { text: string }[] };
    expect(lines.lines.map(({ text }) => text)).toContain(`Step ${steps}: checkpoint saved.`);
    expect(JSON.parse((await readFile(log, 'utf8')).trimEnd().split('\n').at(-1)!)).toMatchObject({
      error: { code: 'cancelled' },
    });
  }, 200_000);

  it('tells a webhook how it ended, which is masked and waits for nobody', async () => {
    const told: Record<string, unknown>[] = [];
    const server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += chunk;
      });
      request.on('end', () => {
        told.push(JSON.parse(body));
        response.end();
      });
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    try {
      const secret = 'B0123456789abcdefSECRET';
      const hook = `http://127.0.0.1:${(server.address() as AddressInfo).port}/${secret}`;
      const ran = await pt('train --offline --recipe tiny --run told --max-steps 1 --json', {
        env: { HOME: home, PT_HOME: join(home, 'pt'), PT_NOTIFY: hook },
      });
      expect(ran.code, ran.stderr).toBe(0);
      expect(told).toMatchObject([{ event: 'run_ended', run: 'told', state: 'done', steps: 1 }]);
      for (const file of ['settings.json', 'run.json', 'state.json'])
        expect(await readFile(join(home, 'pt', 'runs', 'told', file), 'utf8')).not.toContain(secret);
      expect(ran.stdout + ran.stderr).not.toContain(secret);
      const refused = await pt('train --offline --max-steps 1 --json --notify https://hooks.example/x');
      expect(refused.json()).toMatchObject({ error: { code: 'offline.refused' } });
    } finally {
      server.close();
    }
  }, 120_000);

  it('tells what is wrong with the order at once, and leaves nothing behind', async () => {
    const before = await readdir(join(home, 'pt', 'runs'));
    const wrong = await pt('train --offline --recipe nowhere --detach --json');
    expect(wrong.code).toBe(2);
    expect((wrong.json().error as { message: string }).message).toContain('nowhere');
    expect((await pt('train --run latest --offline --detach --json')).json()).toMatchObject({
      error: { code: 'usage.run_name' },
    });
    expect(await readdir(join(home, 'pt', 'runs'))).toEqual(before);
  }, 60_000);
});
