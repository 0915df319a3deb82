import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openNotifier, parseTarget, standingNotices } from '../../src/notify/index.ts';
import { mask } from '../../src/secret.ts';
import { tempDir } from '../model/support.ts';

/** What was posted, and what is answered: a status, or null for a server that takes the request and says nothing for ever. */
let posted: Record<string, unknown>[];
let answers: (number | null)[];
let server: Server;
let url: string;
beforeEach(async () => {
  [posted, answers] = [[], []];
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      posted.push(JSON.parse(body));
      const status = answers.length > 0 ? answers.shift()! : 200;
      if (status !== null) response.writeHead(status, { location: '/elsewhere' }).end();
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook/T0KEN0KEN0KEN0KEN0KEN`;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

async function tell(target: string, times: object = {}): Promise<string[]> {
  const warnings: string[] = [];
  const quick = { tryMs: 150, waitsMs: [5, 5], boundMs: 1000, ...times };
  const notifier = openNotifier({ target, offline: false, warn: (text) => warnings.push(text), ...quick });
  notifier.tell({ event: 'run_ended', text: 'Run one has ended.', run: 'one', steps: 3 });
  await notifier.settled();
  return warnings;
}

describe('a notice', () => {
  it('is one JSON object, or what the chat takes', async () => {
    expect(await tell(url)).toEqual([]);
    expect(posted[0]).toMatchObject({ event: 'run_ended', text: 'Run one has ended.', run: 'one', steps: 3 });
    expect(Date.parse(String(posted[0]!.time))).not.toBeNaN();
    await tell(`slack:${url}`);
    await tell(`discord:${url}`);
    const file = join(tempDir(), 'form.json');
    writeFileSync(file, JSON.stringify({ title: '{{event}}', lines: ['{{run}} {{steps}} {{nothing}}'] }));
    await tell(`${file}:${url}`);
    expect(posted.slice(1)).toEqual([
      { text: 'Run one has ended.' },
      { content: 'Run one has ended.' },
      { title: 'run_ended', lines: ['one 3 '] },
    ]);
  });

  it('is sent again when the server stumbles, and not when it refuses or sends elsewhere', async () => {
    answers = [503, 429, 200];
    expect(await tell(url)).toEqual([]);
    expect(posted).toHaveLength(3);
    for (const status of [404, 307]) {
      posted = [];
      answers = [status];
      expect(await tell(url)).toEqual([`Nobody was told (run_ended): the webhook answered ${status}.`]);
      expect(posted).toHaveLength(1);
    }
  });

  it('holds nobody up when the webhook hangs, and its address is in no warning', async () => {
    answers = [null, null, null, null];
    const began = performance.now();
    const warnings = await tell(url, { tryMs: 100, boundMs: 250, waitsMs: [5, 5, 5, 5, 5] });
    expect(warnings).toEqual(['Nobody was told (run_ended): the webhook does not answer.']);
    expect(performance.now() - began).toBeLessThan(2000);
    expect(mask(`POST ${url} failed`)).not.toContain('T0KEN');
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
    expect((await tell(url))[0]).toMatch(/cannot be reached/);
  });

  it('goes nowhere off this machine with --offline, and to no address that is none', () => {
    expect(() => parseTarget('https://hooks.example/x', true)).toThrow(/not on this machine/);
    expect(parseTarget(url, true).template).toBe(null);
    for (const bad of ['', 'hooks.example', 'slack:', 'ftp://a.example/x', 'slack'])
      expect(() => parseTarget(bad, false), bad).toThrow(/must be an address/);
    expect(() => parseTarget(`/nowhere.json:${url}`, false)).toThrow(/template/);
  });
});

describe('where a hotkey stands', () => {
  const at = (place: number | null, state = 'plain') => ({ block: 9, uid: 1, place, state, incentive: 0 });
  const events = (...looks: Parameters<typeof standingNotices>) =>
    standingNotices(...looks).map(({ event }) => event);

  it.each([
    [null, at(1), []],
    [at(3), at(1), ['on_top']],
    [at(null), at(1), ['on_top']],
    [at(1), at(1), []],
    [at(1), at(2), ['overtaken']],
    [at(2), at(null), ['overtaken']],
    [at(3), at(2), []],
    [at(2, 'sealed'), at(1, 'revealed'), ['revealed', 'on_top']],
  ])('%j, then %j', (before, now, expected) => expect(events(before, now)).toEqual(expected));
});
