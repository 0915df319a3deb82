import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type Context, Dropped, makeContext } from './context.ts';
import { faultPicker } from './faults.ts';
import { HubError } from './hub-error.ts';
import { findRoute } from './routes.ts';
import { openStore } from './store.ts';
import type { Fault, FaultAction, RequestRecord, SandboxHub, StartHubOptions } from './types.ts';

/**
 * Besides this machine's own names, the ones that no name server gives out (RFC 6761): programs reach the sandbox by them through a proxy.
 * A web page that rebinds its own name to 127.0.0.1 gets nothing.
 */
const UNRESOLVABLE = /^[a-z0-9.-]+\.(test|localhost)(:\d+)?$/i;

const MAX_RECORDS = 10_000;
/** Faults are set over HTTP with this header; a web page cannot send it here without asking first, and is never answered. */
export const ADMIN_HEADER = 'x-sandbox-admin';

/** Starts a Hub on 127.0.0.1 that keeps its state in `dir`. Rejects with the system's error when the port is taken. */
export async function startHub(options: StartHubOptions): Promise<SandboxHub> {
  const store = openStore(options.dir);
  const users = new Map(options.tokens.map((token) => [token.token, token]));
  const requests: RequestRecord[] = [];
  let objectsOrigin = '';
  const traffic = { received: 0, sent: 0 };
  const sockets = new Set<Socket>();
  let pickFault = faultPicker(options.faults ?? []);
  const setFaults = (faults: Fault[]): void => {
    pickFault = faultPicker(faults);
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const host = request.headers.host ?? '';
    const base = `http://${host}`;
    const url = new URL(request.url ?? '/', /^[\w.-]+(:\d+)?$/.test(host) ? base : 'http://127.0.0.1');
    const method = request.method ?? 'GET';
    let found: ReturnType<typeof findRoute> = null;
    let malformed = false;
    try {
      found = findRoute(method, url.pathname);
    } catch {
      malformed = true; // a broken percent escape
    }
    const { authorization, range } = request.headers;
    const record: RequestRecord = {
      method,
      path: url.pathname,
      step: found?.route.step ?? 'other',
      status: null,
      authorized: authorization !== undefined,
      ...(range === undefined ? {} : { range }),
      received: 0,
    };
    const isAdmin = url.pathname === '/_sandbox/faults';
    if (!isAdmin) requests.push(record);
    if (requests.length > MAX_RECORDS) requests.shift();

    const action = isAdmin ? null : pickFault(record.step, `${method} ${url.pathname}`);
    const user = users.get(/^Bearer (.+)$/i.exec(authorization ?? '')?.[1] ?? '') ?? null;
    const here = /^(127\.0\.0\.1|localhost)(:\d+)?$/.test(host);
    const context = makeContext(
      request,
      response,
      // Whoever comes by another name, through a proxy, reaches no other port here.
      {
        request,
        store,
        options,
        url,
        base,
        objectsOrigin: here ? objectsOrigin : base,
        params: found?.params ?? {},
        user,
        record,
      },
      action,
    );
    try {
      if (!here && !UNRESOLVABLE.test(host)) throw new HubError(421, 'Unknown host');
      if (isAdmin) return await setFaultsByRequest(context, setFaults);
      if (action && (await strike(context, request, action))) return;
      if (malformed) throw new HubError(400, 'Malformed address');
      const signed = url.searchParams.has('signature');
      if (authorization !== undefined && !user && !signed)
        throw new HubError(401, 'Invalid credentials in Authorization header');
      if (!found) throw new HubError(404, `The sandbox does not know ${method} ${url.pathname}`);
      if (action?.kind === 'late') return await answerBeforeWork(context, action, found.route.handle);
      await found.route.handle(context);
    } catch (error) {
      await fail(context, response, error);
    }
  };

  const listen = async (port: number): Promise<Server> => {
    const server = createServer((request, response) => {
      answer(request, response).catch(() => request.destroy());
    });
    server.on('connection', (socket) => {
      socket.once('close', () => {
        traffic.received += socket.bytesRead;
        traffic.sent += socket.bytesWritten;
        sockets.delete(socket);
      });
      sockets.add(socket);
    });
    // Large uploads take as long as they take.
    server.requestTimeout = 0;
    server.keepAliveTimeout = 30_000;
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return server;
  };
  const server = await listen(options.port ?? 0);
  // Objects live on an origin of their own, as on the real Hub: clients must not bring their token there.
  const objectServer = await listen(0);
  objectsOrigin = originOf(objectServer);
  return {
    url: originOf(server),
    port: (server.address() as AddressInfo).port,
    setFaults,
    requests,
    traffic() {
      const open = [...sockets];
      return {
        received: open.reduce((sum, socket) => sum + socket.bytesRead, traffic.received),
        sent: open.reduce((sum, socket) => sum + socket.bytesWritten, traffic.sent),
      };
    },
    async close() {
      await Promise.all([server, objectServer].map(stop));
    },
  };
}

const originOf = (server: Server): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

async function stop(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}

/** Does what the fault says before the work begins; true when that ended the request. */
async function strike(context: Context, request: IncomingMessage, action: FaultAction): Promise<boolean> {
  switch (action.kind) {
    case 'delay':
      await new Promise((done) => setTimeout(done, action.ms));
      return false;
    case 'drop':
      if (action.when !== 'before') return false;
      request.socket.resetAndDestroy();
      return true;
    case 'hang':
      return true;
    case 'redirect':
      request.resume();
      await context.send(307, { Location: action.origin + context.url.pathname + context.url.search });
      return true;
    case 'status': {
      for await (const _ of context.body());
      await context.sendJson(
        { error: action.message ?? `Injected fault ${action.status}` },
        {
          ...(action.retryAfter === undefined ? {} : { 'Retry-After': action.retryAfter }),
          ...(action.code === undefined ? {} : { 'X-Error-Code': action.code }),
          'X-Error-Message': action.message ?? `Injected fault ${action.status}`,
        },
        action.status,
      );
      return true;
    }
    default:
      return false;
  }
}

async function answerBeforeWork(
  context: Context,
  { status, ms }: { status: number; ms: number },
  handle: (context: Context) => Promise<void>,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of context.body()) chunks.push(chunk);
  await context.sendJson({ error: 'Gateway Timeout' }, {}, status);
  const whole = Buffer.concat(chunks);
  const later: Context = {
    ...context,
    body: async function* () {
      yield whole;
    },
    text: async () => whole.toString('utf8'),
    json: async () => JSON.parse(whole.toString('utf8')),
    send: async () => {},
    sendJson: async () => {},
  };
  setTimeout(() => {
    handle(later).catch(() => {}); // nobody waits for the answer any more
  }, ms);
}

async function fail(context: Context, response: ServerResponse, error: unknown): Promise<void> {
  if (error instanceof Dropped || response.headersSent || response.destroyed) {
    context.request.destroy();
    return;
  }
  const known = error instanceof HubError ? error : new HubError(500, `Internal error: ${String(error)}`);
  // Read the rest of what the client sends (and throw it away), or it may never see this answer.
  context.request.resume();
  await context.sendJson(
    { error: known.message },
    {
      'X-Error-Message': known.message.replace(/[^\x20-\x7e]/g, '?'),
      ...(known.errorCode ? { 'X-Error-Code': known.errorCode } : {}),
    },
    known.status,
  );
}

async function setFaultsByRequest(context: Context, setFaults: (faults: Fault[]) => void): Promise<void> {
  if (context.request.headers[ADMIN_HEADER] === undefined || context.request.method !== 'PUT')
    throw new HubError(403, `PUT the list of faults, with the header ${ADMIN_HEADER}: 1`);
  const faults = await context.json();
  if (!Array.isArray(faults)) throw new HubError(400, 'Expected a list of faults');
  try {
    setFaults(faults as Fault[]);
  } catch (error) {
    throw new HubError(400, String(error));
  }
  await context.sendJson({ faults: faults.length });
}
