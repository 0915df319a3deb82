import { onTestFinished } from 'vitest';
import WebSocket, { WebSocketServer } from 'ws';

export interface RpcCall {
  id: unknown;
  method: string;
  params: unknown[];
}

/** What stands in for a node's answer; `'drop'` cuts the connection, `'pass'` lets the call through. */
export type Instead = { result: unknown } | { error: unknown } | 'drop' | 'pass';

export interface Between {
  url: string;
  /** Calls seen so far, by method. */
  counts: Record<string, number>;
  /** Called with each call before it goes on, and with the number of calls of this method so far. */
  instead: (call: RpcCall, count: number) => Instead;
  /** Changes what the real node answered. */
  alter: (call: RpcCall, result: unknown) => unknown;
  /** Connections that are answered with this status instead of a WebSocket. */
  refuse: { status: number; times: number };
}

/** A WebSocket proxy on loopback before a real node; it lies as it is told. */
export async function between(target: string): Promise<Between> {
  const state: Between = {
    url: '',
    counts: {},
    instead: () => 'pass',
    alter: (_, result) => result,
    refuse: { status: 0, times: 0 },
  };
  const server = new WebSocketServer({
    host: '127.0.0.1',
    port: 0,
    verifyClient: (_: unknown, done: (ok: boolean, status?: number) => void) =>
      state.refuse.times-- > 0 ? done(false, state.refuse.status) : done(true),
  });
  await new Promise((resolve) => server.once('listening', resolve));
  server.on('connection', (socket) => {
    const upstream = new WebSocket(target, { maxPayload: 1 << 27 });
    const waiting: string[] = [];
    const asked = new Map<unknown, RpcCall>();
    const end = (): void => {
      upstream.terminate();
      socket.terminate();
    };
    upstream.on('open', () => {
      for (const message of waiting.splice(0)) upstream.send(message);
    });
    upstream.on('message', (data) => {
      const answer = JSON.parse(String(data));
      const changed = (one: { id: unknown; result?: unknown }) => {
        const call = asked.get(one.id);
        if (!call || !('result' in one)) return one;
        const result = state.alter(call, one.result);
        return { ...one, result: result === undefined ? null : result };
      };
      socket.send(JSON.stringify(Array.isArray(answer) ? answer.map(changed) : changed(answer)));
    });
    for (const one of [upstream, socket]) one.on('error', end).on('close', end);
    socket.on('message', (data) => {
      const message = JSON.parse(String(data));
      const passed: RpcCall[] = [];
      const answers: unknown[] = [];
      for (const call of (Array.isArray(message) ? message : [message]) as RpcCall[]) {
        asked.set(call.id, call);
        state.counts[call.method] = (state.counts[call.method] ?? 0) + 1;
        const instead = state.instead(call, state.counts[call.method]!);
        if (instead === 'drop') return end();
        if (instead === 'pass') passed.push(call);
        else answers.push({ jsonrpc: '2.0', id: call.id, ...instead });
      }
      if (answers.length > 0) socket.send(JSON.stringify(Array.isArray(message) ? answers : answers[0]));
      if (passed.length === 0) return;
      const text = JSON.stringify(Array.isArray(message) ? passed : passed[0]);
      if (upstream.readyState === WebSocket.OPEN) upstream.send(text);
      else waiting.push(text);
    });
  });
  onTestFinished(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  state.url = `ws://127.0.0.1:${(server.address() as { port: number }).port}`;
  return state;
}
