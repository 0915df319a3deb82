import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { UserError } from '../errors.ts';
import { formatLoss, formatWhole } from '../text/format.ts';
import { type Assets, loadAssets } from './assets.ts';
import { chartsOf, flopsOf } from './charts.ts';
import { runPage, sectionsOf, titleOf } from './page.ts';
import { openRunReaders, type RunReader, type RunReport } from './run-report.ts';
import type { CurveChange, CurveName, Farewell, LiveChange, RunChange } from './types.ts';

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
  /** From now on the page is about these runs. */
  show(runDirs: string[]): void;
  /** Sends what is new, says farewell, and lets everybody go. */
  close(): Promise<void>;
}

export interface DashboardOptions {
  /** The flag that named the port, and a command that takes any. */
  flag: string;
  anyPort: string;
  /** What the page says when it is followed no longer. */
  farewell: string;
  assets?: () => Promise<Assets>;
}

/** What a curve was when it was sent. */
interface Mark {
  length: number;
  pushed: number;
  generation: number;
}
type Sent = Record<CurveName, Mark>;

/**
 * Serves the page of runs on this machine only and sends what changes (server-sent events).
 *
 * Throws `UserError` `dashboard.port` when the port is taken. Other websites cannot read it: it binds to 127.0.0.1, answers only
 * requests that name this very address (a foreign name that was made to point here is refused), and allows no other origin.
 */
export async function openDashboard(
  port: number,
  { farewell, assets = loadAssets, ...said }: DashboardOptions,
): Promise<Dashboard> {
  const clients = new Set<ServerResponse>();
  let readers: RunReader[] = [];
  let reports: RunReport[] = [];
  let sent: { curves: Sent[]; sections: Record<string, string>; evals: number[] } | null = null;
  let reading: Promise<void> | null = null;

  const server = createServer((request, response) => {
    answer(request, response).catch(() => {
      if (!response.headersSent) response.writeHead(500);
      response.end();
    });
  });
  await listen(server, port, said);
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
      if (readers.length === 0) return;
      try {
        reports = await Promise.all(readers.map((reader) => reader.read()));
        broadcast(reports);
      } catch {
        // Training matters more than its picture.
      }
    })().finally(() => {
      reading = null;
    });
    return reading;
  }

  function broadcast(now: RunReport[]): void {
    const sections = textsOf(now);
    const marks = now.map(({ collected }) => marksOf(collected));
    const runs = now.map((report, i) => changeOf(report, sent?.curves[i]));
    const changed = Object.entries(sections).filter(([id, text]) => sent?.sections[id] !== text);
    const fresh =
      sent === null ? [] : now.flatMap((report, i) => announced(report, sent!.evals[i]!, now.length > 1));
    sent = { curves: marks, sections, evals: now.map(({ collected }) => collected.evalCount) };
    if (changed.length === 0 && runs.every(({ curves }) => Object.keys(curves).length === 0)) return;
    const change: LiveChange = {
      runs,
      charts: chartsOf(now),
      sections: Object.fromEntries(changed),
      title: titleOf(now),
      announce: fresh.length === 0 ? null : fresh.join(' '),
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
      if (reports.length === 0)
        return refuse(503, 'The run has not begun yet. Load this page again in a moment.');
      const text = runPage(reports, await assets(), { live: true });
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
    if (reports.length > 0) send(response, 'change', everything(reports));
    clients.add(response);
  }

  return {
    url: `http://127.0.0.1:${chosen}/`,
    show(runDirs) {
      [readers, reports, sent] = [openRunReaders(runDirs), [], null];
    },
    async close() {
      clearInterval(timer);
      await reading;
      await look();
      for (const client of clients) {
        send(client, 'end', { farewell } satisfies Farewell);
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

const textsOf = (reports: RunReport[]): Record<string, string> =>
  Object.fromEntries(Object.entries(sectionsOf(reports)).map(([id, { text }]) => [id, text]));

const marksOf = ({ series }: RunReport['collected']): Sent =>
  Object.fromEntries(
    Object.entries(series).map(([name, { length, pushed, generation }]) => [
      name,
      { length, pushed, generation },
    ]),
  ) as Sent;

/** What is new of a run since `before`; everything without it. */
function changeOf({ collected }: RunReport, before?: Sent): RunChange {
  const curves: RunChange['curves'] = {};
  for (const [key, series] of Object.entries(collected.series)) {
    const name = key as CurveName;
    const change = endOf(series, before?.[name]);
    if (change !== null) curves[name] = change;
  }
  return { curves, resumed: collected.resumed, flopsPerToken: flopsOf(collected) };
}

/** The end of a curve that is new since `before`; null: nothing is. */
function endOf(
  series: RunReport['collected']['series'][CurveName],
  before: Mark | undefined,
): CurveChange | null {
  const same = before !== undefined && before.generation === series.generation;
  if (same && before.pushed === series.pushed) return null;
  // The last value sent may have grown: it is sent again.
  const at = same ? Math.max(0, before.length - 1) : 0;
  return { at, points: series.points(at) };
}

/** An evaluation that came since, in words. */
function announced({ name, collected }: RunReport, evals: number, named: boolean): string[] {
  const newest = collected.evalCount > evals ? collected.evals.at(-1) : undefined;
  if (newest === undefined) return [];
  const words = `tep ${formatWhole(newest.step)}: held-out loss ${newest.loss === null ? 'not finite' : formatLoss(newest.loss)}.`;
  return [named ? `${name}, s${words}` : `S${words}`];
}

function everything(reports: RunReport[]): LiveChange {
  return {
    runs: reports.map((report) => changeOf(report)),
    charts: chartsOf(reports),
    sections: textsOf(reports),
    title: titleOf(reports),
    announce: null,
  };
}

const isNavigation = (request: IncomingMessage): boolean => request.headers['sec-fetch-mode'] === 'navigate';

function listen(
  server: ReturnType<typeof createServer>,
  port: number,
  { flag, anyPort }: Pick<DashboardOptions, 'flag' | 'anyPort'>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        new UserError(
          'dashboard.port',
          error.code === 'EADDRINUSE'
            ? `${flag} ${port}: another program on this machine has this port.`
            : `${flag} ${port}: the page cannot be served there: ${error.message}.`,
          { nextSteps: [`${anyPort}   # any free port`], cause: error },
        ),
      );
    });
    server.listen(port, '127.0.0.1', () => resolve());
  });
}
