import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { UserError } from '../errors.ts';
import { type Assets, loadAssets } from './assets.ts';
import { chartsOf } from './charts.ts';
import { runPage, sectionsOf, titleOf } from './page.ts';
import { openRunReader, type RunReader, type RunReport } from './run-report.ts';
import type { CurveChange, CurveName, LiveChange } from './types.ts';

/** Where the page is when nobody names a port. */
export const DASHBOARD_PORT = 7878;

/** How often the run's files are looked at while somebody looks at the page. */
const EVERY_MS = 700;
/** Browsers at a time; each costs a copy of every change. */
const MOST_CLIENTS = 20;
/** A browser that lets this much wait unread is let go; it comes back by itself and gets the whole page. */
const MOST_UNREAD = 8 << 20;

export interface Dashboard {
  /** `http://127.0.0.1:PORT/`. */
  url: string;
  /** From now on the page is about this run. */
  show(runDir: string): void;
  /** Sends what is new, says that training has ended, and lets everybody go. */
  close(): Promise<void>;
}

/** What a curve was when it was sent. */
interface Mark {
  length: number;
  pushed: number;
  generation: number;
}
type Sent = Record<CurveName, Mark>;

/**
 * Serves a run's page on this machine only and sends what changes (server-sent events).
 *
 * Throws `UserError` `dashboard.port` when the port is taken. Other websites cannot read it: it binds to 127.0.0.1, answers only
 * requests that name this very address (a foreign name that was made to point here is refused), and allows no other origin.
 */
export async function openDashboard(
  port: number,
  assets: () => Promise<Assets> = loadAssets,
): Promise<Dashboard> {
  const clients = new Set<ServerResponse>();
  let reader: RunReader | null = null;
  let report: RunReport | null = null;
  let sent: { curves: Sent; sections: Record<string, string>; evals: number } | null = null;
  let reading: Promise<void> | null = null;

  const server = createServer((request, response) => {
    answer(request, response).catch(() => {
      if (!response.headersSent) response.writeHead(500);
      response.end();
    });
  });
  await listen(server, port);
  const { port: chosen } = server.address() as AddressInfo;
  const names = new Set([`127.0.0.1:${chosen}`, `localhost:${chosen}`]);
  const timer = setInterval(() => {
    if (clients.size > 0) void look();
  }, EVERY_MS);
  // A page that is looked at must not keep a finished pt from ending.
  timer.unref();
  server.unref();

  /** Reads what is new, once at a time, and sends it. A run whose files cannot be read just now is looked at again later. */
  function look(): Promise<void> {
    reading ??= (async () => {
      if (reader === null) return;
      try {
        report = await reader.read();
        broadcast(report);
      } catch {
        // Training matters more than its picture.
      }
    })().finally(() => {
      reading = null;
    });
    return reading;
  }

  function broadcast(now: RunReport): void {
    const sections = Object.fromEntries(Object.entries(sectionsOf(now)).map(([id, { text }]) => [id, text]));
    const curves: LiveChange['curves'] = {};
    const marks = {} as Sent;
    for (const [key, series] of Object.entries(now.collected.series)) {
      const name = key as CurveName;
      const { length, pushed, generation } = series;
      marks[name] = { length, pushed, generation };
      const change = changeOf(series, sent?.curves[name]);
      if (change !== null) curves[name] = change;
    }
    const changed = Object.entries(sections).filter(([id, text]) => sent?.sections[id] !== text);
    const evals = now.collected.evalCount;
    const fresh = sent !== null && evals > sent.evals ? now.collected.evals.at(-1) : undefined;
    sent = { curves: marks, sections, evals };
    if (changed.length === 0 && Object.keys(curves).length === 0) return;
    const change: LiveChange = {
      curves,
      charts: chartsOf(now),
      resumed: now.collected.resumed,
      sections: Object.fromEntries(changed),
      title: titleOf(now),
      announce: fresh ? `Step ${fresh.step}: held-out loss ${fresh.loss?.toFixed(4) ?? 'not finite'}.` : null,
    };
    for (const client of clients) send(client, 'change', change);
  }

  function send(client: ServerResponse, event: string, value: unknown): void {
    if (client.writableLength > MOST_UNREAD) client.destroy();
    else client.write(`event: ${event}\ndata: ${JSON.stringify(value)}\n\n`);
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const headers = {
      'Cache-Control': 'no-store',
      'Content-Security-Policy': "frame-ancestors 'none'",
      'Cross-Origin-Resource-Policy': 'same-origin',
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Referrer-Policy': 'no-referrer',
      'X-Content-Type-Options': 'nosniff',
    };
    const refuse = (status: number, why: string) => {
      response.writeHead(status, { ...headers, 'Content-Type': 'text/plain; charset=utf-8' });
      response.end(request.method === 'HEAD' ? '' : `${why}\n`);
    };
    if (!names.has(request.headers.host ?? '')) return refuse(421, 'This page has another address.');
    const site = request.headers['sec-fetch-site'];
    const page = request.url === '/';
    // A link on another site may open the page; nothing of it may be read from there.
    if (site !== undefined && site !== 'same-origin' && site !== 'none' && !(page && isNavigation(request)))
      return refuse(403, 'Only this page itself may ask.');
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return refuse(405, 'There is nothing to change here.');
    if (page) {
      await look();
      if (report === null) return refuse(503, 'The run has not begun yet. Load this page again in a moment.');
      const text = runPage(report, await assets(), { live: true });
      response.writeHead(200, { ...headers, 'Content-Type': 'text/html; charset=utf-8' });
      response.end(request.method === 'HEAD' ? '' : text);
      return;
    }
    if (request.url !== '/events' || request.method !== 'GET') return refuse(404, 'There is only one page.');
    await look();
    // It may have gone while we looked.
    if (response.destroyed) return;
    if (clients.size >= MOST_CLIENTS) return refuse(503, 'Too many pages are open.');
    response.writeHead(200, { ...headers, 'Content-Type': 'text/event-stream' });
    response.on('error', () => response.destroy());
    response.on('close', () => clients.delete(response));
    // The page may be older than what was sent last, or have missed something: it gets all.
    if (report !== null) send(response, 'change', everything(report));
    clients.add(response);
  }

  return {
    url: `http://127.0.0.1:${chosen}/`,
    show(runDir) {
      [reader, report, sent] = [openRunReader(runDir), null, null];
    },
    async close() {
      clearInterval(timer);
      await reading;
      await look();
      for (const client of clients) {
        send(client, 'end', {});
        client.end();
      }
      const closed = new Promise((resolve) => server.close(resolve));
      // A browser that does not read must not hold up the end.
      const late = setTimeout(() => server.closeAllConnections(), 300);
      server.closeIdleConnections();
      await closed;
      clearTimeout(late);
    },
  };
}

/** The end of a curve that is new since `before`; null: nothing is. */
function changeOf(
  series: RunReport['collected']['series'][CurveName],
  before: Mark | undefined,
): CurveChange | null {
  const same = before !== undefined && before.generation === series.generation;
  if (same ? before.pushed === series.pushed : series.pushed === 0 && !before) return null;
  // The last value sent may have grown: it is sent again.
  const at = same ? Math.max(0, before.length - 1) : 0;
  return { at, points: series.points(at) };
}

function everything(report: RunReport): LiveChange {
  const { series, resumed } = report.collected;
  return {
    curves: Object.fromEntries(
      Object.entries(series).map(([name, curve]) => [name, { at: 0, points: curve.points() }]),
    ),
    charts: chartsOf(report),
    resumed,
    sections: Object.fromEntries(Object.entries(sectionsOf(report)).map(([id, { text }]) => [id, text])),
    title: titleOf(report),
    announce: null,
  };
}

const isNavigation = (request: IncomingMessage): boolean => request.headers['sec-fetch-mode'] === 'navigate';

function listen(server: ReturnType<typeof createServer>, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        new UserError(
          'dashboard.port',
          error.code === 'EADDRINUSE'
            ? `--dashboard-port ${port}: another program on this machine has this port.`
            : `--dashboard-port ${port}: the page cannot be served there: ${error.message}.`,
          { nextSteps: ['pt train --dashboard --dashboard-port 0   # any free port'], cause: error },
        ),
      );
    });
    server.listen(port, '127.0.0.1', () => resolve());
  });
}
