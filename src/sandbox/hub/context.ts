import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { HubError, repoNotFound } from './hub-error.ts';
import type { Store } from './store.ts';
import type { FaultAction, HubToken, Repo, RepoType, RequestRecord, StartHubOptions } from './types.ts';

/** What a handler gets. It reads the body and answers only through this, so that faults can strike at any byte. */
export interface Context {
  request: IncomingMessage;
  store: Store;
  options: StartHubOptions;
  url: URL;
  /** `http://host:port` as the client sees it, for links. */
  base: string;
  /** Origin of the addresses where object bytes are put and fetched. */
  objectsOrigin: string;
  /** Decoded groups of the route's pattern. */
  params: Record<string, string>;
  user: HubToken | null;
  record: RequestRecord;
  body(): AsyncIterable<Buffer>;
  json(maxBytes?: number): Promise<unknown>;
  text(maxBytes?: number): Promise<string>;
  send(status: number, headers?: Record<string, string>, body?: Buffer | string | Readable): Promise<void>;
  sendJson(value: unknown, headers?: Record<string, string>, status?: number): Promise<void>;
}

/** Thrown to end a request whose connection is gone. */
export class Dropped extends Error {}

const MAX_JSON = 64 * 1024 * 1024;

export function makeContext(
  request: IncomingMessage,
  response: ServerResponse,
  base: Omit<Context, 'body' | 'json' | 'text' | 'send' | 'sendJson'>,
  action: FaultAction | null,
): Context {
  const drop = (): never => {
    request.socket.resetAndDestroy();
    throw new Dropped();
  };

  const context: Context = {
    ...base,
    async *body() {
      for await (const chunk of request as AsyncIterable<Buffer>) {
        context.record.received += chunk.length;
        if (
          action?.kind === 'drop' &&
          action.when === 'request' &&
          context.record.received >= (action.bytes ?? 0)
        )
          drop();
        yield chunk;
      }
      if (action?.kind === 'drop' && action.when === 'request') drop();
    },
    async text(maxBytes = MAX_JSON) {
      const chunks: Buffer[] = [];
      let size = 0;
      for await (const chunk of context.body()) {
        size += chunk.length;
        if (size > maxBytes) throw new HubError(413, 'Payload too large');
        chunks.push(chunk);
      }
      return Buffer.concat(chunks).toString('utf8');
    },
    async json(maxBytes) {
      const text = await context.text(maxBytes);
      try {
        return text === '' ? {} : JSON.parse(text);
      } catch {
        throw new HubError(400, 'Invalid JSON');
      }
    },
    async send(status, headers = {}, body = '') {
      if (action?.kind === 'drop' && action.when === 'after') drop();
      context.record.status = status;
      const isStream = body instanceof Readable;
      response.writeHead(status, {
        ...(isStream ? {} : { 'Content-Length': String(Buffer.byteLength(body)) }),
        ...headers,
      });
      if (request.method === 'HEAD') {
        if (isStream) body.destroy();
        response.end();
        return;
      }
      const source = isStream ? body : Readable.from(body.length ? [Buffer.from(body)] : []);
      const offset = Number(/bytes (\d+)-/.exec(headers['Content-Range'] ?? '')?.[1] ?? 0);
      await pipeline([source, ...spoil(action, offset, drop), response]);
    },
    sendJson: (value, headers = {}, status = 200) =>
      context.send(
        status,
        { 'Content-Type': 'application/json; charset=utf-8', ...headers },
        JSON.stringify(value),
      ),
  };
  return context;
}

/** The stream that damages an answer as the fault says; none for a healthy one. */
function spoil(action: FaultAction | null, offset: number, drop: () => never): Transform[] {
  if (action?.kind !== 'truncate' && action?.kind !== 'corrupt') return [];
  let position = offset;
  let sent = 0;
  return [
    new Transform({
      transform(chunk: Buffer, _encoding, done) {
        const start = position;
        position += chunk.length;
        if (action.kind === 'corrupt') {
          const at = action.offset - start;
          if (at < 0 || at >= chunk.length) return done(null, chunk);
          const copy = Buffer.from(chunk);
          copy[at]! ^= 1;
          return done(null, copy);
        }
        const keep = Math.min(chunk.length, action.bytes - sent);
        sent += keep;
        this.push(chunk.subarray(0, keep));
        if (keep === chunk.length) return done();
        // Give what was kept a moment to leave before the connection is reset.
        setTimeout(() => {
          try {
            drop();
          } catch (error) {
            done(error as Error);
          }
        }, 20);
      },
    }),
  ];
}

/** The repository that a route names, when this user may read it. */
export function readable(context: Context): Repo {
  const repo = context.store.find(repoType(context), `${context.params.namespace}/${context.params.name}`);
  if (!repo || (repo.private && !owns(context.user, repo.id))) throw repoNotFound(context.user !== null);
  return repo;
}

/** The repository that a route names, when this user may write to it. */
export function writable(context: Context): Repo {
  const repo = readable(context);
  mustWrite(context, repo.id);
  return repo;
}

/** Refuses strangers, read-only tokens and other people's namespaces. */
export function mustWrite(context: Context, repoId: string): void {
  if (!context.user) throw new HubError(401, 'Invalid username or password.');
  const namespace = repoId.split('/')[0];
  const finely = (context.user.scoped ?? []).some(
    ({ entity, permissions }) =>
      permissions.some((right) => /^repo\.write$/.test(right)) &&
      (entity.name === namespace || entity.name === repoId),
  );
  const may = context.user.role === 'fineGrained' ? finely : context.user.role === 'write';
  if (!may || !owns(context.user, repoId)) {
    throw new HubError(403, `You don't have the rights to write under the namespace "${namespace}"`);
  }
}

/** An organisation of this name in a token's list stands for every namespace. */
const ANY_ORG = '*';

export function owns(user: HubToken | null, repoId: string): boolean {
  const namespace = repoId.split('/')[0]!;
  const orgs = user?.orgs ?? [];
  return user !== null && (user.user === namespace || orgs.includes(namespace) || orgs.includes(ANY_ORG));
}

/** From `models`, `datasets`, `spaces` in a path; nothing there means model. */
export function repoType(context: Context): RepoType {
  const type = (context.params.type ?? 'models').replace(/s?\/?$/, '');
  if (type === 'model' || type === 'dataset' || type === 'space') return type;
  throw new HubError(400, `Unknown repository type: ${type}`);
}
