import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { connect } from '../../src/chain/index.ts';
import { useProxy } from '../../src/host/proxy.ts';
import { client, errorOf, sandbox } from './support.ts';

/** A server that answers a byte at a time, for ever: silence it is not, and no timer of silence ends it. */
async function dripping(): Promise<number> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.write('HTTP/1.1 101 Switching Protocols\r\nx-drip: ');
    const timer = setInterval(() => socket.write('x'), 10);
    socket.on('close', () => clearInterval(timer));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

test('a handshake that drips is given up, and the next endpoint is taken', async () => {
  const port = await dripping();
  const slow = `ws://127.0.0.1:${port}`;
  expect(await errorOf(connect({ endpoints: [slow], timeoutMs: 200 }))).toMatchObject({
    code: 'chain.unreachable',
    exitCode: 5,
  });
  const node = await sandbox();
  const chain = await client(node.url, { endpoints: [slow, node.url], timeoutMs: 400 });
  expect(chain.endpoint).toBe(node.url);
});

test('an answer that drips frames which mean nothing is given up', async () => {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  server.on('connection', (socket) => {
    const timer = setInterval(() => socket.send('{"jsonrpc":"2.0","method":"nothing"}'), 20);
    socket.on('close', () => clearInterval(timer));
  });
  onTestFinished(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  expect((await errorOf(connect({ endpoints: [url], timeoutMs: 200 }))).exitCode).toBe(5);
});

test('a proxy whose tunnel drips is given up', async () => {
  const port = await dripping();
  useProxy({ HTTPS_PROXY: `http://127.0.0.1:${port}`, HTTP_PROXY: `http://127.0.0.1:${port}` }, [
    'wss://chain.example.test',
  ]);
  const warned: Error[] = [];
  const onWarning = (warning: Error) => void warned.push(warning);
  process.on('warning', onWarning);
  onTestFinished(() => {
    http.setGlobalProxyFromEnv?.({});
    process.off('warning', onWarning);
  });
  for (const scheme of ['ws', 'wss']) {
    const endpoints = [`${scheme}://chain.example.test:9944`];
    // Long enough for the pieces to pile up, where somebody counts them.
    expect(await errorOf(connect({ endpoints, timeoutMs: 800 }))).toMatchObject({
      code: 'chain.unreachable',
      exitCode: 5,
    });
  }
  expect(warned).toEqual([]);
});
