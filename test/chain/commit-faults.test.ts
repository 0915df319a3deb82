import { describe, expect, test, vi } from 'vitest';
import { startChain } from '../../src/sandbox/chain/index.ts';
import { client, errorOf, hotkey, included, NETUID, sandbox, temporaryFolder } from './support.ts';

const TEXT = 'ns:name:0123456789012345678901234567890123456789:c29tZSBoYXNo';

async function prepared(options = {}) {
  const node = await sandbox(options);
  const key = hotkey();
  node.register(key.ss58);
  const chain = await client(node.url, { stallMs: 20_000 });
  return { node, key, chain, commit: () => chain.commit({ netuid: NETUID, text: TEXT, hotkey: key }) };
}

/** The calls that a commitment is made of, in order. */
const STEPS = [
  'state_getRuntimeVersion',
  'chain_getHeader',
  'author_submitExtrinsic',
  'chain_getFinalizedHead',
  'state_getStorage',
  'chain_getBlockHash',
  'chain_getBlock',
  '*',
];

describe('a commitment under faults is made exactly once', () => {
  for (const when of ['before', 'after'] as const)
    test.each(STEPS)(`connection cut ${when} %s took effect`, async (method) => {
      const { node, key, commit, chain } = await prepared();
      node.setFaults({ cut: { method, when, times: 2 } });
      await commit();
      expect(node.faults.cut?.times).toBeLessThan(2);
      node.setFaults({});
      expect(await included(node.url, key.ss58)).toBe(1);
      expect((await chain.commitment(NETUID, key.ss58))?.text).toBe(TEXT);
    });

  test('latency', async () => {
    const { node, key, commit } = await prepared();
    node.setFaults({ latencyMs: 120 });
    await commit();
    node.setFaults({});
    expect(await included(node.url, key.ss58)).toBe(1);
  });

  test('extrinsic dropped from the pool: the same bytes are offered again', async () => {
    const { node, key, chain } = await prepared();
    node.setFaults({ dropExtrinsics: 2 });
    const sent: string[] = [];
    await chain.commit({
      netuid: NETUID,
      text: TEXT,
      hotkey: key,
      beforeSend: (hash) => void sent.push(hash),
    });
    expect(sent).toHaveLength(1);
    expect(await included(node.url, key.ss58)).toBe(1);
  });

  test('era that passes: only then is it signed anew', async () => {
    const { node, key, chain } = await prepared({ blockTimeMs: 15 });
    node.setFaults({ dropExtrinsics: 1000 });
    const sentAt: number[] = [];
    await chain.commit({
      netuid: NETUID,
      text: TEXT,
      hotkey: key,
      beforeSend: () => {
        sentAt.push(node.block());
        if (sentAt.length === 2) node.setFaults({});
      },
    });
    expect(sentAt).toHaveLength(2);
    expect(sentAt[1]! - sentAt[0]!).toBeGreaterThanOrEqual(60);
    expect(await included(node.url, key.ss58)).toBe(1);
  });

  test('node restarted while the extrinsic waits: its pool is empty, its state is not', async () => {
    const dir = await temporaryFolder();
    let node = await startChain({ dir, blockTimeMs: 400 });
    const key = hotkey();
    node.register(key.ss58);
    const chain = await client(node.url);
    const before = node.block();
    let restarted: Promise<void> | null = null;
    await chain.commit({
      netuid: NETUID,
      text: TEXT,
      hotkey: key,
      beforeSend: () => {
        restarted = new Promise((resolve) => setTimeout(resolve, 60)).then(async () => {
          await node.close();
          node = await startChain({ dir, port: node.port, blockTimeMs: 50 });
        });
      },
    });
    await restarted;
    expect(node.block()).toBeGreaterThan(before);
    expect(await included(node.url, key.ss58)).toBe(1);
    await node.close();
  });

  test.each([
    { code: 1016, message: 'Immediately Dropped: The transaction could not enter the pool' },
    { code: 1012, message: 'Transaction is temporarily banned' },
    { code: -32603, message: 'Internal error' },
  ])('pool that says $code for a while', async (error) => {
    const { node, key, commit } = await prepared();
    node.setFaults({ reject: { method: 'author_submitExtrinsic', times: 2, ...error } });
    await commit();
    expect(await included(node.url, key.ss58)).toBe(1);
  });

  test('clock that is years off on this side', async () => {
    const { node, key, commit } = await prepared();
    vi.useFakeTimers({ toFake: ['Date'], now: new Date('2001-01-01') });
    try {
      await commit();
    } finally {
      vi.useRealTimers();
    }
    expect(await included(node.url, key.ss58)).toBe(1);
  });
});

describe('a commitment that cannot be made ends, and can be taken up again', () => {
  test('a chain that stands still', async () => {
    const { node, key } = await prepared();
    const chain = await client(node.url, { stallMs: 500 });
    node.setFaults({ stalled: true });
    const error = await errorOf(chain.commit({ netuid: NETUID, text: TEXT, hotkey: key }));
    expect(error).toMatchObject({ code: 'chain.stalled', exitCode: 5 });
    expect(error.details.extrinsicHash).toMatch(/^0x[0-9a-f]{64}$/);
    node.setFaults({});
    await chain.commit({ netuid: NETUID, text: TEXT, hotkey: key });
    expect(await included(node.url, key.ss58)).toBe(1);
  });

  test('a node that is gone for good: the fate is said to be unknown', async () => {
    const { node, key } = await prepared();
    const chain = await client(node.url, { timeoutMs: 600 });
    const failed = errorOf(
      chain.commit({
        netuid: NETUID,
        text: TEXT,
        hotkey: key,
        beforeSend: () => void setTimeout(() => node.close(), 10),
      }),
    );
    const error = await failed;
    expect(error).toMatchObject({ code: 'chain.lost', exitCode: 5 });
    expect(error.details.extrinsicHash).toMatch(/^0x[0-9a-f]{64}$/);
    expect(error.nextSteps[0]).toBe('pt upload --resume');
  });

  test('bytes that the node calls invalid', async () => {
    const { node, key, commit } = await prepared();
    node.setFaults({
      reject: {
        method: 'author_submitExtrinsic',
        times: 9,
        code: 1010,
        message: 'Invalid Transaction',
        data: 'Custom error: 1',
      },
    });
    expect(await errorOf(commit())).toMatchObject({ code: 'chain.rejected', exitCode: 5 });
    node.setFaults({});
    expect(await included(node.url, key.ss58)).toBe(0);
  });

  test('Ctrl-C while it is on its way', async () => {
    const { node, key, chain } = await prepared();
    node.setFaults({ stalled: true });
    const error = await errorOf(
      chain.commit({ netuid: NETUID, text: TEXT, hotkey: key, signal: AbortSignal.timeout(300) }),
    );
    expect(error).toMatchObject({ code: 'cancelled', exitCode: 130 });
    node.setFaults({});
    await chain.commit({ netuid: NETUID, text: TEXT, hotkey: key });
    expect(await included(node.url, key.ss58)).toBe(1);
  });
});
