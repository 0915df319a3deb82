import { randomBytes } from 'node:crypto';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import WebSocket from 'ws';
import { readRuntime } from '../../src/chain/runtime.ts';
import { signCommitment } from '../../src/chain/sign.ts';
import { createHotkey } from '../../src/chain/wallet/keypair.ts';
import { startChain } from '../../src/sandbox/chain/index.ts';
import { createRuntime } from '../../src/sandbox/chain/metadata.ts';

const [dir, rtt] = process.argv.slice(2);
const blockTimeMs = 1000;
const chain = await startChain({ dir: dir!, blockTimeMs, incentive: 'manual' });

// uid 0 is the sandbox's validator, which commits nothing; the other 255 do.
const seed = randomBytes(32);
const hotkeys = [seed, ...Array.from({ length: 254 }, () => randomBytes(32))].map((secret) =>
  createHotkey('bench', { cryptoType: 'ed25519', secret: Uint8Array.from(secret) }),
);
for (const { ss58 } of hotkeys) chain.register(ss58);
await commitAll(hotkeys);
const { port } = await delay(Number(chain.port), Number(rtt) / 2);
process.send!({ url: `ws://127.0.0.1:${port}`, seed: seed.toString('hex'), blockTimeMs });

/** Commits for every key in a few blocks, through the real door. */
async function commitAll(keys: ReturnType<typeof createHotkey>[]): Promise<void> {
  const runtime = readRuntime(createRuntime('current', blockTimeMs).v15);
  const socket = new WebSocket(chain.url);
  await new Promise((resolve) => socket.once('open', resolve));
  let id = 0;
  const ask = (method: string, ...params: unknown[]) =>
    new Promise<string>((resolve, reject) => {
      const own = ++id;
      socket.on('message', function listen(data) {
        const message = JSON.parse(String(data));
        if (message.id !== own) return;
        socket.off('message', listen);
        if (message.error) reject(new Error(message.error.message));
        else resolve(message.result);
      });
      socket.send(JSON.stringify({ jsonrpc: '2.0', id: own, method, params }));
    });
  socket.setMaxListeners(0);
  const genesisHash = await ask('chain_getBlockHash', 0);
  const number = chain.block();
  const birth = { number, hash: await ask('chain_getBlockHash', number) };
  for (const [i, key] of keys.entries()) {
    const text = `bench/model-${i}:${'0123456789abcdef'.repeat(3).slice(0, 40)}:c29tZSBjb250ZW50IGhhc2g=`;
    const context = { runtime, specVersion: 424, transactionVersion: 1, genesisHash, birth, nonce: 0 };
    await ask('author_submitExtrinsic', (await signCommitment(9, text, key, context)).hex);
  }
  chain.seal();
  socket.terminate();
}

/** A proxy that holds every piece back for `ms` in each direction, in order. */
function delay(target: number, ms: number): Promise<AddressInfo> {
  const pipe = (from: Socket, to: Socket): void => {
    from.on('data', (chunk) => setTimeout(() => to.writable && to.write(chunk), ms));
    from.on('close', () => setTimeout(() => to.destroy(), ms));
    from.on('error', () => to.destroy());
  };
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1');
    client.setNoDelay(true);
    upstream.setNoDelay(true);
    pipe(client, upstream);
    pipe(upstream, client);
  });
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve(server.address() as AddressInfo)),
  );
}
