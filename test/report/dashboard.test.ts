import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Dashboard, openDashboard } from '../../src/report/dashboard.ts';
import type { LiveChange } from '../../src/report/types.ts';
import { makeRun, metricLine } from './make-run.ts';

let dir: string;
let dashboard: Dashboard | null = null;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pt-dashboard-'));
});
afterEach(async () => {
  await dashboard?.close();
  dashboard = null;
  await rm(dir, { recursive: true, force: true });
});

const OPTIONS = {
  flag: '--port',
  anyPort: 'pt dashboard --port 0',
  farewell: 'It has ended.',
  assets: async () => ({ script: 'void 0', style: '' }),
};

async function serve(steps: number): Promise<Dashboard> {
  await makeRun(join(dir, 'run'), { steps, evalEvery: 5, state: 'running' });
  dashboard = await openDashboard(0, OPTIONS);
  dashboard.show([join(dir, 'run')]);
  return dashboard;
}

/** A request with headers of our choosing; gives status, headers and body. */
function ask(url: string, options: { headers?: Record<string, string>; method?: string } = {}) {
  return new Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; body: string }>(
    (resolve, reject) => {
      const sent = httpRequest(url, options, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (chunk) => {
          body += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body }));
      });
      sent.on('error', reject);
      sent.end();
    },
  );
}

/** The messages of /events until `enough`; the connection is broken off then. */
async function listenUntil(url: string, enough: (events: { event: string; data: LiveChange }[]) => boolean) {
  const stop = new AbortController();
  const response = await fetch(`${url}events`, { signal: stop.signal });
  const events: { event: string; data: LiveChange }[] = [];
  let text = '';
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const parts = text.split('\n\n');
    text = parts.pop()!;
    for (const part of parts) {
      const [, event, data] = /^event: (\w+)\ndata: (.*)$/.exec(part)!;
      events.push({ event: event!, data: JSON.parse(data!) });
    }
    if (enough(events)) break;
  }
  stop.abort();
  return events;
}

describe('the live page', () => {
  test('is the page of the run, then what is new, then the end', async () => {
    const { url } = await serve(10);
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
    const page = await ask(url);
    expect(page.status).toBe(200);
    expect(page.body).toContain("connect-src 'self'");
    expect(page.body).toContain('"live":true');
    const heard = listenUntil(url, (events) => {
      if (events.length === 1) void appendFile(join(dir, 'run', 'metrics.jsonl'), metricLine(11));
      if (events.some(({ data }) => data.runs?.[0]?.curves.train?.points.x.includes(11)) && dashboard) {
        void dashboard.close();
        dashboard = null;
      }
      return events.at(-1)?.event === 'end';
    });
    const events = await heard;
    expect(events[0]!.data.runs[0]!.curves.train).toMatchObject({ at: 0 });
    const news = events.find(({ data }) => data.runs?.[0]?.curves.train?.points.x.includes(11))!;
    // Only what is new: the last value again, and the new one.
    expect(news.data.runs[0]!.curves.train!.points.x).toEqual([10, 11]);
    expect(news.data.runs[0]!.curves.eval).toBeUndefined();
    expect(news.data.sections.tiles).toContain('<strong>11</strong>');
    expect(news.data.sections.settings).toBeUndefined();
  });

  test('survives browsers that go away, and tells each that comes everything', async () => {
    const { url } = await serve(3);
    await ask(url);
    for (let i = 0; i < 5; i += 1) {
      const [first] = await listenUntil(url, (events) => events.length > 0);
      expect(first!.data.runs[0]!.curves.train!.points.x).toEqual([1, 2, 3]);
    }
    await appendFile(join(dir, 'run', 'metrics.jsonl'), metricLine(4));
    const events = await listenUntil(url, (all) =>
      all.some(({ data }) => data.runs[0]!.curves.train?.points.x.includes(4)),
    );
    expect(events.length).toBeGreaterThan(0);
  });

  test('answers only to its own address and its own page, and only reading', async () => {
    const { url } = await serve(3);
    const port = new URL(url).port;
    const status = async (path: string, headers: Record<string, string>, method = 'GET') =>
      (await ask(`${url}${path}`, { headers, method })).status;
    expect(await status('', { host: `evil.example:${port}` })).toBe(421);
    expect(await status('', { host: '127.0.0.1' })).toBe(421);
    expect(await status('', { host: `localhost:${port}` })).toBe(200);
    expect(await status('', { 'sec-fetch-site': 'cross-site' })).toBe(403);
    expect(await status('', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' })).toBe(200);
    expect(await status('events', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' })).toBe(
      403,
    );
    expect(await status('', {}, 'POST')).toBe(405);
    expect(await status('', {}, 'HEAD')).toBe(200);
    expect(await status('run.json', {})).toBe(404);
    expect(await status('../run.json', {})).toBe(404);
    const { headers } = await ask(url, { headers: { origin: 'http://evil.example' } });
    expect(headers['access-control-allow-origin']).toBeUndefined();
    expect(headers['cross-origin-resource-policy']).toBe('same-origin');
    expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
  });

  test('no more than twenty browsers; a place is free again when one goes', async () => {
    const { url } = await serve(3);
    const stops = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const stop = new AbortController();
        expect((await fetch(`${url}events`, { signal: stop.signal })).status).toBe(200);
        return stop;
      }),
    );
    expect((await ask(`${url}events`)).status).toBe(503);
    for (const stop of stops) stop.abort();
    for (let tries = 0; ; tries += 1) {
      const stop = new AbortController();
      const { status } = await fetch(`${url}events`, { signal: stop.signal });
      stop.abort();
      if (status === 200) break;
      expect(tries).toBeLessThan(100);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });

  test('a port that is taken is said before anything else', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    await expect(openDashboard(port, OPTIONS)).rejects.toMatchObject({
      code: 'dashboard.port',
      message: expect.stringContaining(`--port ${port}`),
      exitCode: 2,
    });
    other.close();
  });
});
