import { once } from 'node:events';
import { ApiPromise, Keyring, WsProvider } from '@polkadot/api';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { client, hotkey, NETUID, sandbox } from '../../chain/support.ts';

// polkadot.js, which shares no code with the sandbox or our client.
async function api(url: string): Promise<ApiPromise> {
  for (const level of ['log', 'warn', 'error'] as const)
    vi.spyOn(console, level).mockImplementation(() => {});
  const connected = await ApiPromise.create({ provider: new WsProvider(url), noInitWarn: true });
  onTestFinished(() => connected.disconnect());
  return connected;
}

// biome-ignore lint/suspicious/noExplicitAny: polkadot.js decorates at run time
type Loose = any;

/** Sends and resolves to the final status' events, or the name of the dispatch error. */
const send = (
  connected: ApiPromise,
  call: Loose,
  pair: ReturnType<Keyring['addFromUri']>,
): Promise<string[] | string> =>
  new Promise((resolve, reject) => {
    call
      .signAndSend(pair, (result: Loose) => {
        if (!result.status.isFinalized) return;
        if (result.dispatchError?.isModule)
          resolve(connected.registry.findMetaError(result.dispatchError.asModule).name);
        else resolve(result.events.map(({ event }: Loose) => `${event.section}.${event.method}`));
      })
      .catch(reject);
  });

const fields = (text: string) => ({
  fields: [{ [`Raw${text.length}`]: `0x${Buffer.from(text).toString('hex')}` }],
});

describe.each(['current', 'old', 'opaque'] as const)('@polkadot/api on the %s shape', (shape) => {
  test.each(['sr25519', 'ed25519'] as const)('commits and reads, and so do we (%s)', async (type) => {
    const node = await sandbox({ shape });
    const pair = new Keyring({ type, ss58Format: 42 }).addFromSeed(new Uint8Array(32).fill(9));
    const uid = node.register(pair.address);
    const connected = await api(node.url);
    expect(
      await send(connected, connected.tx.commitments!.setCommitment!(NETUID, fields('theirs')), pair),
    ).toEqual(['commitments.Commitment', 'system.ExtrinsicSuccess']);
    const chain = await client(node.url);
    expect((await chain.commitment(NETUID, pair.address))?.text).toBe('theirs');
    const key = hotkey();
    node.register(key.ss58);
    await chain.commit({ netuid: NETUID, text: 'ours', hotkey: key });
    const registration = await connected.query.commitments!.commitmentOf!(NETUID, key.ss58);
    expect(registration.toHuman()).toMatchObject({ info: { fields: [{ Raw4: 'ours' }] } });
    expect((await connected.query.subtensorModule!.uids!(NETUID, pair.address)).toJSON()).toBe(uid);
    // The newest commitment earns all.
    const incentive = (await connected.query.subtensorModule!.incentive!(NETUID)).toJSON();
    expect(incentive).toEqual([0, 0, 65535]);
  });
});

test('polkadot.js learns dispatch errors by name, fees, and new blocks', async () => {
  const node = await sandbox();
  const pair = new Keyring({ type: 'sr25519', ss58Format: 42 }).addFromUri('//Bob');
  const connected = await api(node.url);
  const call = connected.tx.commitments!.setCommitment!(NETUID, fields('x'));
  expect(await send(connected, call, pair)).toBe('AccountNotAllowedCommit');
  expect((await call.paymentInfo(pair)).partialFee.toNumber()).toBe(0);
  const numbers = await new Promise<number[]>((resolve) => {
    const seen: number[] = [];
    connected.rpc.chain.subscribeNewHeads((head) => {
      seen.push(head.number.toNumber());
      if (seen.length === 3) resolve(seen);
    });
  });
  expect(numbers[2]).toBe(numbers[0]! + 2);
  const head = await connected.rpc.chain.getHeader();
  expect((await connected.rpc.chain.getBlockHash(head.number.toNumber())).toHex()).toBe(head.hash.toHex());
});

test('polkadot.js registers a hotkey by burning balance', async () => {
  const node = await sandbox();
  const pair = new Keyring({ type: 'sr25519', ss58Format: 42 }).addFromUri('//Charlie');
  const connected = await api(node.url);
  const register = () =>
    send(connected, connected.tx.subtensorModule!.burnedRegister!(NETUID, hotkey().ss58), pair);
  expect(await register()).toBe('NotEnoughBalanceToStake');
  node.fund(pair.address, 150_000_000n);
  expect(await register()).toContain('subtensorModule.NeuronRegistered');
  expect(await register()).toBe('NotEnoughBalanceToStake');
});

test('the whole neurons are there for `metagraph(lite=False)`, weights and bonds too', async () => {
  const node = await sandbox();
  const key = hotkey();
  const uid = node.register(key.ss58);
  const connected = await api(node.url);
  const runtime = connected.call as Loose;
  const all = (await runtime.neuronInfoRuntimeApi.getNeurons(NETUID)).toJSON() as Loose[];
  expect(all[uid]).toMatchObject({ hotkey: key.ss58, uid, netuid: NETUID, weights: [], bonds: [] });
  const one = (await runtime.neuronInfoRuntimeApi.getNeuron(NETUID, uid)).toJSON();
  expect(one).toEqual(all[uid]);
});

test('the runtime of spec 152 hands out the bytes of its neurons, in a runtime call and from the node', async () => {
  const [typed, wrapped] = [await sandbox({ shape: 'old' }), await sandbox({ shape: 'opaque' })];
  const key = hotkey();
  const uids = [typed.register(key.ss58), wrapped.register(key.ss58)];
  expect(uids[0]).toBe(uids[1]);
  const answers = async (url: string, method: string, ...params: unknown[]) => {
    const provider = new WsProvider(url);
    try {
      await provider.isReady;
      return await provider.send(method, params);
    } finally {
      await provider.disconnect();
    }
  };
  const bytesOf = (hex: string) => [...Buffer.from(hex.slice(2), 'hex')];
  for (const [api, rpc] of [
    ['get_neurons', 'neuronInfo_getNeurons'],
    ['get_neurons_lite', 'neuronInfo_getNeuronsLite'],
  ] as const) {
    const call = [`NeuronInfoRuntimeApi_${api}`, '0x0900'];
    const plain = bytesOf(await answers(typed.url, 'state_call', ...call));
    const opaque = Uint8Array.from(bytesOf(await answers(wrapped.url, 'state_call', ...call)));
    // A length (two bytes are enough for it), and then that many bytes: what older SDKs read.
    expect(((opaque[1]! << 8) | opaque[0]!) >> 2).toBe(plain.length);
    expect(opaque.length).toBe(plain.length + 2);
    for (const { url } of [typed, wrapped])
      expect((await answers(url, rpc, NETUID)).length, rpc).toBe(plain.length);
  }
  const one = await answers(wrapped.url, 'neuronInfo_getNeuron', NETUID, uids[1]);
  expect(new Keyring({ ss58Format: 42 }).encodeAddress(Uint8Array.from(one.slice(0, 32)))).toBe(key.ss58);
  expect(await answers(wrapped.url, 'neuronInfo_getNeuron', NETUID, 999)).toEqual([]);
});

test.each([
  ['its own address, as SDKs before 9 send it', (port: string) => `http://127.0.0.1:${port}`, true],
  ['none', () => undefined, true],
  ['a page on another port', () => 'http://127.0.0.1:1', false],
  ['a name that leads here', (port: string) => `http://rebound.example:${port}`, false],
  ['a page', () => 'https://example.org', false],
] as const)('a client whose Origin is %s', async (_, origin, welcome) => {
  const node = await sandbox();
  const from = origin(new URL(node.url).port);
  const socket = new WebSocket(node.url, from === undefined ? {} : { origin: from });
  const opened = await once(socket, 'open').then(
    () => true,
    () => false,
  );
  socket.terminate();
  expect(opened).toBe(welcome);
});
