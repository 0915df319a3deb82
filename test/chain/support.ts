import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import WebSocket, { WebSocketServer } from 'ws';
import { type Chain, type ConnectOptions, connect, type Hotkey } from '../../src/chain/index.ts';
import { createHotkey } from '../../src/chain/wallet/keypair.ts';
import { type ChainSandbox, type ChainSandboxOptions, startChain } from '../../src/sandbox/chain/index.ts';

export const NETUID = 9;

/** A folder that is gone after the test. */
export async function temporaryFolder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'pt-chain-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** A sandbox chain with short blocks that is closed after the test. */
export async function sandbox(options: Partial<ChainSandboxOptions> = {}): Promise<ChainSandbox> {
  const chain = await startChain({ dir: await temporaryFolder(), blockTimeMs: 40, ...options });
  onTestFinished(() => chain.close());
  return chain;
}

/** A client of it that is closed after the test. */
export async function client(url: string, options: Partial<ConnectOptions> = {}): Promise<Chain> {
  const chain = await connect({ endpoints: [url], timeoutMs: 5000, ...options });
  onTestFinished(() => chain.close());
  return chain;
}

let seeds = 1;
/** A fresh key, the same in every run. */
export function hotkey(cryptoType: 'sr25519' | 'ed25519' = 'sr25519'): Hotkey {
  return createHotkey('test', { cryptoType, secret: new Uint8Array(32).fill(seeds++) });
}

/** One plain JSON-RPC call, independent of the client under test. */
export async function rpc<T>(url: string, method: string, ...params: unknown[]): Promise<T> {
  const socket = new WebSocket(url);
  try {
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    const answer = new Promise<string>((resolve) => socket.once('message', (data) => resolve(String(data))));
    socket.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }));
    const { result, error } = JSON.parse(await answer);
    if (error) throw new Error(`${error.code} ${error.message}`);
    return result as T;
  } finally {
    socket.terminate();
  }
}

/** How many extrinsics the chain has included for an account: its nonce, with nothing waiting. */
export const included = (url: string, ss58: string): Promise<number> =>
  rpc<number>(url, 'system_accountNextIndex', ss58);

/** A WebSocket server that answers each message as `answer` says; undefined: not at all. */
export async function fakeNode(answer: (message: unknown) => unknown): Promise<string> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await new Promise((resolve) => server.once('listening', resolve));
  server.on('connection', (socket) =>
    socket.on('message', (data) => {
      const reply = answer(JSON.parse(String(data)));
      if (reply !== undefined) socket.send(typeof reply === 'string' ? reply : JSON.stringify(reply));
    }),
  );
  onTestFinished(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  return `ws://127.0.0.1:${(server.address() as { port: number }).port}`;
}

/** The error that a promise rejects with. */
export async function errorOf(promise: Promise<unknown>): Promise<{
  code: string;
  exitCode: number;
  message: string;
  nextSteps: string[];
  details: Record<string, unknown>;
}> {
  try {
    await promise;
  } catch (error) {
    // biome-ignore lint/suspicious/noExplicitAny: read by tests
    return error as any;
  }
  throw new Error('it did not fail');
}

/** The `info` argument of `set_commitment` for one text, as our codecs want it. */
export function commitmentInfo(text: string): unknown {
  const bytes = Buffer.from(text, 'utf8');
  const value = bytes.length === 0 ? undefined : bytes.length === 1 ? bytes[0] : `0x${bytes.toString('hex')}`;
  return [{ type: `Raw${bytes.length}`, value }];
}
