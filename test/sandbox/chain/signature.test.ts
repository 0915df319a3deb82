import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readRuntime } from '../../../src/chain/runtime.ts';
import { type SigningContext, signCommitment } from '../../../src/chain/sign.ts';
import { createRuntime } from '../../../src/sandbox/chain/metadata.ts';
import { errorOf, hotkey, NETUID, rpc, sandbox } from '../../chain/support.ts';

const runtime = readRuntime(createRuntime('current', 40).v15);
const sign = async (context: SigningContext): Promise<string> =>
  (await signCommitment(NETUID, 'x', key, context)).hex;
const key = hotkey();

async function prepared() {
  const node = await sandbox({ blockTimeMs: 0 });
  node.register(key.ss58);
  const genesisHash = await rpc<string>(node.url, 'chain_getBlockHash', 0);
  const number = node.block();
  const context: SigningContext = {
    runtime,
    specVersion: 424,
    transactionVersion: 1,
    genesisHash,
    birth: { number, hash: await rpc<string>(node.url, 'chain_getBlockHash', number) },
    nonce: 0,
  };
  const submit = async (change: Partial<SigningContext>): Promise<string> =>
    rpc(node.url, 'author_submitExtrinsic', await sign({ ...context, ...change }));
  return { node, context, submit };
}

describe('an extrinsic is taken only as it was signed for this chain, runtime, era and nonce', () => {
  test.each<[string, Partial<SigningContext>, string]>([
    ['another runtime', { specVersion: 425 }, '1010'],
    ['another transaction version', { transactionVersion: 2 }, '1010'],
    ['another chain', { genesisHash: `0x${'00'.repeat(32)}` }, '1010'],
    ['another era block', { birth: { number: 1, hash: `0x${'00'.repeat(32)}` } }, '1010'],
  ])('%s', async (_, change, code) => {
    const { submit } = await prepared();
    expect((await errorOf(submit(change))).message).toContain(code);
  });

  test('right once, then outdated; the same bytes twice; another at the same nonce', async () => {
    const { node, submit, context } = await prepared();
    node.setFaults({ stalled: true });
    const first = await sign(context);
    await rpc(node.url, 'author_submitExtrinsic', first);
    expect((await errorOf(rpc(node.url, 'author_submitExtrinsic', first))).message).toContain('1013');
    expect((await errorOf(submit({}))).message).toContain('1014');
    expect(await rpc(node.url, 'system_accountNextIndex', key.ss58)).toBe(1);
    node.setFaults({});
    node.seal();
    expect((await errorOf(submit({}))).message).toContain('1010');
  });

  test('a nonce in the future waits for the ones before it', async () => {
    const { node, submit } = await prepared();
    await submit({ nonce: 1 });
    node.seal();
    expect(await rpc(node.url, 'author_pendingExtrinsics')).toHaveLength(1);
    await submit({ nonce: 0 });
    await expect.poll(() => rpc(node.url, 'author_pendingExtrinsics')).toHaveLength(0);
    expect(await rpc(node.url, 'system_accountNextIndex', key.ss58)).toBe(2);
  });

  test('an era that is over drops it from the pool', async () => {
    const { node, submit } = await prepared();
    await submit({ nonce: 1 });
    for (let i = 0; i < 70; i++) node.seal();
    expect(await rpc(node.url, 'author_pendingExtrinsics')).toHaveLength(0);
  });

  test('a changed byte anywhere is refused', async () => {
    const { node, context } = await prepared();
    const bytes = Buffer.from((await sign({ ...context, nonce: 3 })).slice(2), 'hex');
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const changed = Buffer.from(bytes);
        changed[at]! ^= flip;
        const error = await errorOf(rpc(node.url, 'author_submitExtrinsic', `0x${changed.toString('hex')}`));
        expect(error.message).toMatch(/^(1002|1010) /);
      }),
      { numRuns: 60 },
    );
  });

  test('junk of every kind is answered, and the node lives on', async () => {
    const { node } = await prepared();
    const methods = [
      'author_submitExtrinsic',
      'state_call',
      'state_getStorage',
      'state_queryStorageAt',
      'state_getKeysPaged',
      'chain_getBlock',
      'chain_getBlockHash',
      'system_accountNextIndex',
      'state_subscribeStorage',
      'nonsense',
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...methods),
        fc.array(fc.jsonValue(), { maxLength: 3 }),
        async (method, params) => {
          await rpc(node.url, method, ...params).catch((error: Error) =>
            expect(error.message).toMatch(/^-?\d+ /),
          );
        },
      ),
      { numRuns: 60 },
    );
    expect(await rpc(node.url, 'system_chain')).toBe('pt sandbox');
  });
});
