import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { connect } from '../../../src/chain/index.ts';
import { startChain } from '../../../src/sandbox/chain/index.ts';
import { hotkey, NETUID, rpc, sandbox, temporaryFolder } from '../../chain/support.ts';

const CHILD = new URL('./durable-child.ts', import.meta.url).pathname;

test('killed at random moments, it keeps every block that anyone was told of', {
  timeout: 120_000,
}, async () => {
  const dir = await temporaryFolder();
  const key = hotkey();
  let told = { block: -1, hash: '', text: '' };
  for (let round = 0; round < 4; round++) {
    const child = spawn(process.execPath, [CHILD, dir, key.ss58], { stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = once(child, 'exit');
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
    const { url, uid, block } = JSON.parse(line);
    expect(uid).toBe(1);
    expect(block).toBeGreaterThan(told.block);
    const chain = await connect({ endpoints: [url], timeoutMs: 3000 });
    if (told.block >= 0) {
      expect(await chain.commitment(NETUID, key.ss58)).toMatchObject({ text: told.text });
      expect(await rpc(url, 'chain_getBlockHash', told.block)).toBe(told.hash);
    }
    // The kill comes somewhere between the commitments, of which there is one first, however busy the machine is.
    const killed = new AbortController();
    const stop = killed.signal;
    stop.addEventListener('abort', () => child.kill('SIGKILL'));
    for (let i = 0; !stop.aborted; i++) {
      if (i === 1) setTimeout(() => killed.abort(), 53 + 97 * round);
      const text = `${round}-${i}`;
      const receipt = await chain
        .commit({ netuid: NETUID, text, hotkey: key, signal: stop })
        .catch(() => null);
      if (receipt && !stop.aborted) told = { block: receipt.block, hash: receipt.blockHash, text };
    }
    await exited;
    await chain.close();
    // An unanswered commitment may be in or not; what counts is what was told, so settle on what is there.
    const after = await startChain({ dir, blockTimeMs: 0 });
    const reader = await connect({ endpoints: [after.url] });
    const now = await reader.commitment(NETUID, key.ss58);
    if (told.block >= 0) {
      expect(now!.block).toBeGreaterThanOrEqual(told.block);
      told = {
        block: now!.block,
        hash: await rpc(after.url, 'chain_getBlockHash', now!.block),
        text: now!.text!,
      };
    }
    await reader.close();
    await after.close();
  }
  expect(told.block).toBeGreaterThan(0);
});

test('older states stay readable, and pruned ones are refused as a real node does', async () => {
  const node = await sandbox({ blockTimeMs: 0 });
  const [a, b] = [hotkey(), hotkey()];
  node.register(a.ss58);
  const early = node.block();
  node.register(b.ss58);
  const hash = await rpc<string>(node.url, 'chain_getBlockHash', early);
  const prefix = '0x658faa385070e074c85bf6b568cf0555'; // SubtensorModule
  const keysAt = (at?: string) => rpc<string[]>(node.url, 'state_getKeysPaged', prefix, 1000, null, at);
  expect((await keysAt()).length).toBeGreaterThan((await keysAt(hash)).length);
  for (let i = 0; i < 256; i++) node.seal();
  await expect(keysAt(hash)).rejects.toThrow(/^4003 .*State already discarded/);
});

test('state of another version is refused, not misread', async () => {
  const dir = await temporaryFolder();
  await (await startChain({ dir, blockTimeMs: 0 })).close();
  const file = join(dir, 'chain.json');
  await writeFile(file, (await readFile(file, 'utf8')).replace('"version":1', '"version":9'));
  await expect(startChain({ dir, blockTimeMs: 0 })).rejects.toThrow('another version');
  const other = await temporaryFolder();
  await (await startChain({ dir: other, blockTimeMs: 0 })).close();
  await expect(startChain({ dir: other, blockTimeMs: 0, shape: 'old' })).rejects.toThrow(
    'of spec 424, not 218',
  );
});

test('a folder of another subnet gets the one that is asked for', async () => {
  const dir = await temporaryFolder();
  await (await startChain({ dir, blockTimeMs: 0 })).close();
  const node = await startChain({ dir, blockTimeMs: 0, netuid: 12 });
  const key = hotkey();
  node.register(key.ss58);
  const chain = await connect({ endpoints: [node.url] });
  expect([await chain.subnetExists(12), await chain.subnetExists(NETUID)]).toEqual([true, true]);
  expect(await chain.uidOf(12, key.ss58)).toBe(0);
  await chain.close();
  await node.close();
});

test("a taken port is the operating system's error", async () => {
  const node = await sandbox();
  await expect(startChain({ dir: await temporaryFolder(), port: node.port })).rejects.toMatchObject({
    code: 'EADDRINUSE',
  });
});

test('listens on the loopback interface only', async () => {
  const node = await sandbox();
  expect(node.url).toMatch(/^ws:\/\/127\.0\.0\.1:\d+$/);
});
