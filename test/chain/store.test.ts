/** The commitments pallet read whole: every form of its data, reveals, and in as many round trips as the texts alone. */
import { describe, expect, onTestFinished, test } from 'vitest';
import { createAdmin } from '../../src/sandbox/chain/admin.ts';
import { startNode } from '../../src/sandbox/chain/node.ts';
import type { RuntimeShape } from '../../src/sandbox/chain/pallets.ts';
import { serve } from '../../src/sandbox/chain/server.ts';
import { client, hotkey, temporaryFolder } from './support.ts';

/** A sandbox whose storage can be written as it comes. */
async function startedNode(shape: RuntimeShape) {
  const options = { netuid: 9, blockTimeMs: 0, tempo: 360, incentive: 'manual' as const };
  const node = startNode({ dir: await temporaryFolder(), shape, ...options });
  const { port, close } = await serve(node, createAdmin(node), 0);
  onTestFinished(async () => {
    node.stop();
    await close();
  });
  return { node, url: `ws://127.0.0.1:${port}` };
}

const ENCRYPTED = new Uint8Array(315).fill(0xab);

describe.each(['current', 'next', 'old'] as const)('the shape %s', (shape) => {
  test('every form of data is read, what cannot be read takes nothing with it', async () => {
    const { node, url } = await startedNode(shape);
    const keys = ['a', 'b', 'c', 'd'].map(() => hotkey().ss58);
    const [first, second, third, broken] = keys as [string, string, string, string];
    node.change((state) => {
      const put = (who: string, block: number, info: unknown[]) => {
        state.set('Commitments', 'CommitmentOf', [9, who], { deposit: 0n, block, info });
        state.set('Commitments', 'LastCommitment', [9, who], block);
      };
      put(first, 5, [{ type: 'BigRaw', value: new Uint8Array(300).fill(0x61) }]);
      put(second, 6, [
        { type: 'TimelockEncrypted', value: { encrypted: ENCRYPTED, reveal_round: 2n ** 40n } },
        { type: 'Raw3', value: '0x616263' },
        { type: 'ResetBondsFlag', value: undefined },
      ]);
      if (shape === 'next')
        put(third, 7, [
          { type: 'TimelockRevealFailed', value: { encrypted: ENCRYPTED, reveal_round: 1000n } },
        ]);
      state.set(
        'Commitments',
        'RevealedCommitments',
        [9, third],
        [
          [Uint8Array.from(Buffer.from('1468656c6c6f', 'hex')), 5n],
          [Uint8Array.of(0xff), 9n],
        ],
      );
      state.set('Drand', 'LastStoredRound', [], 1234n);
    });
    const key = node.runtime.builder.buildStorage('Commitments', 'CommitmentOf').keys.enc(9, broken);
    node.ledger.set(key, '0x0102');
    node.seal();
    const chain = await client(url);
    const { entries, beacon } = await chain.store(9);
    expect(beacon).toEqual({ newest: 1234, oldest: 0 });
    expect(entries.get(first)).toMatchObject({
      entry: { block: 5, text: 'a'.repeat(300) },
      lastBlock: 5,
      revealed: [],
    });
    expect(entries.get(second)?.entry).toMatchObject({
      text: null,
      fields: [
        {
          kind: 'sealed',
          round: 2 ** 40,
          encrypted: ENCRYPTED,
        },
        { kind: 'raw', text: 'abc' },
        { kind: 'other', name: 'ResetBondsFlag' },
      ],
    });
    expect(entries.get(third)?.revealed.map(({ block }) => block)).toEqual([5, 9]);
    if (shape === 'next')
      expect(entries.get(third)?.entry?.fields).toMatchObject([{ kind: 'failed', round: 1000 }]);
    expect(entries.get(broken)?.entry ?? null).toBeNull();
    for (const key of keys) {
      const { beacon: _, ...one } = await chain.storeOf(9, key);
      expect(one).toEqual(entries.get(key) ?? { entry: null, revealed: [], lastBlock: null });
    }
    const before = chain.frames.sent;
    await chain.store(9);
    expect(chain.frames.sent - before).toBe(2);
  });
});
