import { describe, expect, test } from 'vitest';
import { client, errorOf, hotkey, included, NETUID, rpc, sandbox } from './support.ts';

const TEXT = 'ns:name:0123456789012345678901234567890123456789:c29tZSBoYXNo';

describe('commit', () => {
  test.each(['sr25519', 'ed25519'] as const)('is signed, included and read back (%s)', async (cryptoType) => {
    const node = await sandbox();
    const key = hotkey(cryptoType);
    const uid = node.register(key.ss58);
    const chain = await client(node.url);
    const sent: string[] = [];
    const receipt = await chain.commit({
      netuid: NETUID,
      text: TEXT,
      hotkey: key,
      beforeSend: (hash) => void sent.push(hash),
    });
    expect(sent).toEqual([receipt.extrinsicHash]);
    expect(await chain.commitment(NETUID, key.ss58)).toEqual({ block: receipt.block, text: TEXT });
    expect(await rpc(node.url, 'chain_getBlockHash', receipt.block)).toBe(receipt.blockHash);
    expect(await chain.uidOf(NETUID, key.ss58)).toBe(uid);
    expect(await included(node.url, key.ss58)).toBe(1);
  });

  test('works on a runtime of the old shape', async () => {
    const node = await sandbox({ shape: 'old' });
    const key = hotkey();
    node.register(key.ss58);
    const chain = await client(node.url);
    expect(chain.specVersion).toBe(218);
    await chain.commit({ netuid: NETUID, text: TEXT, hotkey: key });
    expect((await chain.commitments(NETUID)).get(key.ss58)?.text).toBe(TEXT);
  });

  test.each(['', 'a', '0x61', 'é'.repeat(64), 'x'.repeat(128)])('carries %j unchanged', async (text) => {
    const node = await sandbox();
    const key = hotkey();
    node.register(key.ss58);
    const chain = await client(node.url);
    await chain.commit({ netuid: NETUID, text, hotkey: key });
    expect((await chain.commitment(NETUID, key.ss58))?.text).toBe(text);
  });

  test('sends nothing when the chain holds exactly this', async () => {
    const node = await sandbox();
    const key = hotkey();
    node.register(key.ss58);
    const chain = await client(node.url);
    const first = await chain.commit({ netuid: NETUID, text: TEXT, hotkey: key });
    const again = await chain.commit({ netuid: NETUID, text: TEXT, hotkey: key });
    expect(again).toEqual(first);
    expect(await included(node.url, key.ss58)).toBe(1);
  });

  test('two that race for the same text end in one', async () => {
    const node = await sandbox({ blockTimeMs: 300 });
    const key = hotkey();
    node.register(key.ss58);
    const [a, b] = await Promise.all([client(node.url), client(node.url)]);
    const request = { netuid: NETUID, text: TEXT, hotkey: key };
    const [one, two] = await Promise.all([a.commit(request), b.commit(request)]);
    expect(one.block).toBe(two.block);
    expect(await included(node.url, key.ss58)).toBe(1);
  });
});

describe('what the chain refuses comes back by name', () => {
  test('a hotkey that is not registered', async () => {
    const node = await sandbox();
    const chain = await client(node.url);
    const error = await errorOf(chain.commit({ netuid: NETUID, text: TEXT, hotkey: hotkey() }));
    expect(error).toMatchObject({ code: 'hotkey.not_registered', exitCode: 4 });
    expect(error.nextSteps[0]).toContain('--netuid 9');
  });

  test('space that is used up, and frees exactly when the limit said', async () => {
    // Blocks are only made by extrinsics and `seal`, so that every number is exact.
    const node = await sandbox({ tempo: 120, blockTimeMs: 0 });
    const key = hotkey();
    node.register(key.ss58);
    const chain = await client(node.url);
    const epochOf = (block: number) => Math.floor((block + NETUID + 1) / 121);
    while (epochOf(node.block() + 1) === epochOf(1)) node.seal();
    for (let i = 0; i < 31; i++) await chain.commit({ netuid: NETUID, text: `${i}`, hotkey: key });
    const limit = await chain.commitLimit(NETUID, key.ss58, 90);
    expect(limit).toMatchObject({ kind: 'space', allowed: false, used: 3100, max: 3100 });
    const request = { netuid: NETUID, text: TEXT, hotkey: key };
    expect(await errorOf(chain.commit(request))).toMatchObject({ code: 'chain.limit', exitCode: 6 });
    while (node.block() < limit.freeAtBlock - 1) node.seal();
    expect(await errorOf(chain.commit(request))).toMatchObject({ code: 'chain.limit', exitCode: 6 });
    expect(await chain.commitLimit(NETUID, key.ss58, 90)).toMatchObject({ allowed: true, used: 0 });
    expect(await chain.commit(request)).toMatchObject({ block: limit.freeAtBlock + 1 });
  });

  test('the rate limit in blocks of old runtimes', async () => {
    const node = await sandbox({ shape: 'old', blockTimeMs: 20 });
    const key = hotkey();
    node.register(key.ss58);
    const chain = await client(node.url);
    expect(await chain.commitLimit(NETUID, key.ss58, 90)).toMatchObject({
      kind: 'blocks',
      allowed: true,
      max: 100,
    });
    const first = await chain.commit({ netuid: NETUID, text: 'one', hotkey: key });
    const error = await errorOf(chain.commit({ netuid: NETUID, text: 'two', hotkey: key }));
    expect(error).toMatchObject({ code: 'chain.limit', exitCode: 6 });
    const limit = await chain.commitLimit(NETUID, key.ss58, 90);
    expect(limit).toMatchObject({ kind: 'blocks', allowed: false, max: 100, freeAtBlock: first.block + 99 });
    await chain.waitForBlock(limit.freeAtBlock);
    await chain.commit({ netuid: NETUID, text: 'two', hotkey: key });
    expect((await chain.commitment(NETUID, key.ss58))?.text).toBe('two');
  });

  test('a text that is too long, before anything is sent', async () => {
    const node = await sandbox();
    const chain = await client(node.url);
    const error = await errorOf(chain.commit({ netuid: NETUID, text: 'é'.repeat(257), hotkey: hotkey() }));
    expect(error).toMatchObject({ code: 'commitment.too_long', exitCode: 2 });
  });
});
