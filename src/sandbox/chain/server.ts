import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { type Admin, adminMethods } from './admin.ts';
import { cutConnection, takeReject } from './faults.ts';
import { type Method, methodsOf, UNSUBSCRIBE } from './methods.ts';
import type { Node } from './node.ts';
import { RpcFailure } from './pool.ts';

interface Request {
  id: unknown;
  method: string;
  params: unknown[];
}

/** Serves the node as JSON-RPC over WebSocket on 127.0.0.1; port 0 takes a free one. */
export async function serve(
  node: Node,
  admin: Admin,
  port: number,
): Promise<{ port: number; close(): Promise<void> }> {
  const methods: Record<string, Method> = { ...methodsOf(node), ...adminMethods(admin) };
  const server = new WebSocketServer({
    host: '127.0.0.1',
    port,
    maxPayload: 16 << 20,
    // A web page in a browser on this machine must not reach the admin calls. Programs send no Origin, or (SDKs before 9, by the default
    // of their websocket library) this server's own address, which no page can have: nothing is served here as one.
    verifyClient: ({ origin, req }: { origin?: string; req: IncomingMessage }) =>
      origin === undefined || isOwn(origin, req.socket.localPort),
  });
  // `once` rejects with the error when the port is taken.
  await once(server, 'listening');
  server.on('connection', (socket) => converse(socket, methods, admin));
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      for (const socket of server.clients) socket.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Whether an Origin is this server's own address; a name that merely leads here (DNS rebinding) is not. */
function isOwn(origin: string, port: number | undefined): boolean {
  return ['127.0.0.1', 'localhost', '[::1]'].some((host) => origin === `http://${host}:${port}`);
}

function converse(socket: WebSocket, methods: Record<string, Method>, admin: Admin): void {
  const subscriptions = new Map<string, () => void>();
  let counter = 0;
  const { faults } = admin;
  const send = (message: unknown): void => {
    const text = JSON.stringify(message);
    if (faults.latencyMs > 0)
      setTimeout(() => socket.readyState === socket.OPEN && socket.send(text), faults.latencyMs);
    else if (socket.readyState === socket.OPEN) socket.send(text);
  };

  const answer = ({ id, method, params }: Request): unknown => {
    const starts: (() => void)[] = [];
    const subscribe: Parameters<Method>[1] = (notification, start) => {
      const subscription = `pt${Math.random().toString(36).slice(2, 10)}${counter++}`;
      const push = (result: unknown): void =>
        send({ jsonrpc: '2.0', method: notification, params: { subscription, result } });
      // The id must reach the client before the first notification does.
      starts.push(() => subscriptions.set(subscription, start({ id: subscription, push })));
      return subscription;
    };
    try {
      if (UNSUBSCRIBE.has(method)) {
        subscriptions.get(String(params[0]))?.();
        return { jsonrpc: '2.0', id, result: subscriptions.delete(String(params[0])) };
      }
      const run = Object.hasOwn(methods, method) ? methods[method] : undefined;
      if (!run) throw new RpcFailure(-32601, 'Method not found');
      takeReject(faults, method);
      const result = run(params, subscribe);
      for (const start of starts) setImmediate(start);
      return { jsonrpc: '2.0', id, result };
    } catch (error) {
      return { jsonrpc: '2.0', id, error: errorOf(error) };
    }
  };

  socket.on('message', (data) => {
    let parsed: unknown;
    try {
      parsed = JSON.parse(String(data));
    } catch {
      send({ jsonrpc: '2.0', id: null, error: { code: -32700, message: 'Parse error' } });
      return;
    }
    const requests = (Array.isArray(parsed) ? parsed : [parsed]).map(requestOf);
    if (cutConnection(faults, requests, 'before')) return socket.terminate();
    const replies = requests.map(answer);
    if (cutConnection(faults, requests, 'after')) return socket.terminate();
    send(Array.isArray(parsed) ? replies : replies[0]);
  });
  socket.on('close', () => {
    for (const stop of subscriptions.values()) stop();
    subscriptions.clear();
  });
  socket.on('error', () => socket.terminate());
}

function requestOf(message: unknown): Request {
  const { id = null, method, params } = (message ?? {}) as Record<string, unknown>;
  return { id, method: String(method), params: Array.isArray(params) ? params : [] };
}

function errorOf(error: unknown): { code: number; message: string; data?: string } {
  if (error instanceof RpcFailure) {
    const { code, message, data } = error;
    return data === undefined ? { code, message } : { code, message, data };
  }
  return { code: -32602, message: `Invalid params: ${(error as Error).message}` };
}
