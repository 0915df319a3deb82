import dns from 'node:dns';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import net from 'node:net';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { connect } from '../../src/chain/index.ts';
import { PtError } from '../../src/errors.ts';
import { client, errorOf, fakeNode, hotkey, NETUID, rpc, sandbox, temporaryFolder } from './support.ts';

describe('connect', () => {
  test('tells what chain it is', async () => {
    const node = await sandbox({ blockTimeMs: 1000 });
    const chain = await client(node.url);
    expect(chain).toMatchObject({
      endpoint: node.url,
      specVersion: 424,
      chainName: 'pt sandbox',
      blockTimeMs: 1000,
    });
    expect(chain.genesisHash).toBe(await rpc(node.url, 'chain_getBlockHash', 0));
    expect(await chain.subnetExists(NETUID)).toBe(true);
    expect(await chain.subnetExists(4242)).toBe(false);
  });

  test('goes on to the next endpoint, also when the first refuses, is silent or is no chain', async () => {
    const node = await sandbox();
    const silent = await fakeNode(() => undefined);
    const garbage = await fakeNode(() => 'not JSON');
    const chain = await client(node.url, {
      endpoints: ['ws://127.0.0.1:1', silent, garbage, node.url],
      timeoutMs: 500,
    });
    expect(chain.endpoint).toBe(node.url);
  });

  test.each([
    ['nothing listens', () => 'ws://127.0.0.1:1'],
    ['a server that never answers', () => fakeNode(() => undefined)],
    ['a server that answers null', () => fakeNode(() => null)],
    ['a server that answers text', () => fakeNode(() => '<html>')],
  ])('ends in one clear error: %s', async (_, make) => {
    const startedAt = performance.now();
    const error = await errorOf(connect({ endpoints: [await make()], timeoutMs: 400 }));
    expect(error).toMatchObject({ code: 'chain.unreachable', exitCode: 5 });
    expect(error.nextSteps[0]).toBe('pt sandbox start --detach');
    expect(performance.now() - startedAt).toBeLessThan(4000);
  });

  test.each(['http://127.0.0.1:9944', 'finney', ''])('%j is not an endpoint', async (endpoint) => {
    expect(await errorOf(connect({ endpoints: [endpoint] }))).toMatchObject({
      code: 'chain.bad_endpoint',
      exitCode: 2,
    });
  });

  test('user and password of the address go to the node', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as net.AddressInfo;
    const upgrade = once(server, 'upgrade') as Promise<[IncomingMessage, net.Socket]>;
    const trying = errorOf(connect({ endpoints: [`ws://user:hunter2@127.0.0.1:${port}`], timeoutMs: 300 }));
    const [request, socket] = await upgrade;
    socket.destroy();
    server.close();
    expect(request.headers.authorization).toBe(`Basic ${btoa('user:hunter2')}`);
    await trying;
  });

  test('an access key in the address is not in the message', async () => {
    const error = await errorOf(
      connect({ endpoints: ['ws://user:hunter2@127.0.0.1:1/key/hunter2'], timeoutMs: 300 }),
    );
    expect(error.message).not.toContain('hunter2');
  });

  test.each([
    'ws://example.invalid:9944',
    'ws://10.0.0.1:9944',
    'wss://127.0.0.1.example.invalid',
    'ws://[2001:db8::1]:1',
  ])('offline: %s is refused before any name is looked up or socket opened', async (endpoint) => {
    const lookup = vi.spyOn(dns, 'lookup');
    const open = vi.spyOn(net.Socket.prototype, 'connect');
    try {
      const error = await errorOf(connect({ endpoints: ['ws://127.0.0.1:1', endpoint], loopbackOnly: true }));
      expect(error).toMatchObject({ code: 'chain.offline', exitCode: 2 });
      expect(lookup).not.toHaveBeenCalled();
      expect(open).not.toHaveBeenCalled();
    } finally {
      vi.restoreAllMocks();
    }
  });

  test('hostile answers of every kind become errors of ours, never a hang', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.jsonValue(), { minLength: 1, maxLength: 8 }), async (results) => {
        let turn = 0;
        const one = ({ id }: { id: number }) => ({
          jsonrpc: '2.0',
          id,
          result: results[turn++ % results.length],
        });
        const url = await fakeNode((message) =>
          Array.isArray(message) ? message.map(one) : one(message as { id: number }),
        );
        const outcome = await connect({ endpoints: [url], timeoutMs: 300 }).then(
          async (chain) => chain.close(),
          (error: unknown) => error,
        );
        if (outcome !== undefined) expect(outcome).toBeInstanceOf(PtError);
      }),
      { numRuns: 25 },
    );
  });

  test('a connected node that turns hostile', async () => {
    const node = await sandbox();
    await fc.assert(
      fc.asyncProperty(
        fc.jsonValue(),
        fc.constantFrom('state_queryStorageAt', 'state_getKeysPaged', 'state_getStorage', 'chain_getHeader'),
        async (junk, method) => {
          const url = await fakeProxy(node.url, method, junk);
          const chain = await connect({ endpoints: [url], timeoutMs: 300 });
          try {
            for (const read of [
              () => chain.block(),
              () => chain.neurons(NETUID),
              () => chain.commitments(NETUID),
              () => chain.commitLimit(NETUID, hotkey().ss58, 1),
            ])
              await read().catch((error: unknown) => expect(error).toBeInstanceOf(PtError));
          } finally {
            await chain.close();
          }
        },
      ),
      { numRuns: 8 },
    );
  }, 120_000);

  test('a server without batches is served one call a frame', async () => {
    const node = await sandbox();
    const url = await fakeProxy(node.url, null, null, { batches: false });
    const chain = await client(url);
    expect(await chain.neurons(NETUID)).toHaveLength(1);
    expect(await chain.commitments(NETUID)).toEqual(new Map());
  });
});

/** Stands before a real node and answers `method` with `junk`, or refuses batches. */
async function fakeProxy(
  target: string,
  method: string | null,
  junk: unknown,
  { batches = true } = {},
): Promise<string> {
  const { default: WebSocket, WebSocketServer } = await import('ws');
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await new Promise((resolve) => server.once('listening', resolve));
  const { onTestFinished } = await import('vitest');
  server.on('connection', (socket) => {
    const upstream = new WebSocket(target);
    const spoiled = new Set<unknown>();
    const opened = new Promise((resolve) => upstream.once('open', resolve));
    socket.on('message', async (data) => {
      await opened;
      const message = JSON.parse(String(data));
      if (Array.isArray(message) && !batches)
        return socket.send(
          JSON.stringify({
            jsonrpc: '2.0',
            id: null,
            error: { code: -32005, message: 'Batched requests are not supported by this server' },
          }),
        );
      for (const one of [message].flat()) if (one.method === method) spoiled.add(one.id);
      upstream.send(String(data));
    });
    upstream.on('message', (data) => {
      const spoil = (one: { id: unknown }) =>
        spoiled.has(one.id) ? { jsonrpc: '2.0', id: one.id, result: junk } : one;
      const message = JSON.parse(String(data));
      socket.send(JSON.stringify(Array.isArray(message) ? message.map(spoil) : spoil(message)));
    });
    socket.on('close', () => upstream.terminate());
    upstream.on('error', () => socket.terminate());
  });
  onTestFinished(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  return `ws://127.0.0.1:${(server.address() as net.AddressInfo).port}`;
}

describe('reads', () => {
  test('256 neurons and all commitments take few frames, whatever the latency', async () => {
    const node = await sandbox({ blockTimeMs: 0, incentive: 'manual' });
    const keys = Array.from({ length: 255 }, () => randomAddress());
    for (const key of keys) node.register(key);
    node.setIncentive({ 7: 0.75, 9: 0.25 });
    const miner = hotkey();
    node.register(miner.ss58);
    const cacheDir = await temporaryFolder();
    await (await connect({ endpoints: [node.url], cacheDir })).close();
    const chain = await client(node.url, { cacheDir });
    await chain.commit({ netuid: NETUID, text: 'a:b', hotkey: miner });
    const before = chain.frames;
    const [neurons, commitments] = await Promise.all([chain.neurons(NETUID), chain.commitments(NETUID)]);
    expect(chain.frames.sent - before.sent).toBeLessThanOrEqual(4);
    expect(neurons).toHaveLength(257);
    expect(neurons[1]?.hotkey).toBe(keys[0]);
    expect(neurons[256]?.hotkey).toBe(miner.ss58);
    expect(neurons.map(({ uid }) => uid)).toEqual(neurons.map((_, i) => i));
    expect(neurons[7]?.incentive).toBeCloseTo(0.75, 4);
    expect(neurons[0]?.validatorPermit).toBe(true);
    expect([...commitments]).toEqual([[miner.ss58, { block: expect.any(Number), text: 'a:b' }]]);
  });

  test('go on over a dropped connection', async () => {
    const node = await sandbox();
    const chain = await client(node.url);
    node.setFaults({ cut: { method: 'state_queryStorageAt', when: 'before', times: 3 } });
    expect(await chain.neurons(NETUID)).toHaveLength(1);
    expect(node.faults.cut?.times).toBe(0);
  });

  test('a node that lags behind is asked again', async () => {
    const node = await sandbox();
    const chain = await client(node.url);
    const behind = {
      code: 4003,
      message: 'Client error: UnknownBlock: Header was not found in the database',
    };
    node.setFaults({ reject: { method: 'state_queryStorageAt', times: 2, ...behind } });
    expect(await chain.neurons(NETUID)).toHaveLength(1);
    expect(node.faults.reject?.times).toBe(0);
  });

  test('an error of the node is said with its words', async () => {
    const node = await sandbox();
    const chain = await client(node.url);
    node.setFaults({
      reject: { method: 'chain_getHeader', times: 1, code: 4001, message: 'no such header' },
    });
    expect(await errorOf(chain.block())).toMatchObject({
      code: 'chain.refused',
      exitCode: 5,
      message: expect.stringContaining('no such header'),
    });
  });

  test('waitForBlock meets the block, and gives up on a chain that stands still', async () => {
    const node = await sandbox();
    const chain = await client(node.url, { stallMs: 300 });
    const target = (await chain.block()) + 5;
    expect(await chain.waitForBlock(target)).toBeGreaterThanOrEqual(target);
    node.setFaults({ stalled: true });
    expect(await errorOf(chain.waitForBlock(target + 1000))).toMatchObject({ code: 'chain.stalled' });
    expect(await errorOf(chain.waitForBlock(1e9, AbortSignal.timeout(50)))).toMatchObject({
      code: 'cancelled',
    });
  });
});

import { randomBytes } from 'node:crypto';
import { ss58Of } from '../../src/chain/address.ts';

const randomAddress = (): string => ss58Of(randomBytes(32));
