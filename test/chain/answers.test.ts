import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isTransient, refusalOf, retryAfter } from '../../src/chain/answers.ts';
import { type Between, between } from './between.ts';
import { client, errorOf, hotkey, included, NETUID, sandbox } from './support.ts';

const FIELD = join(import.meta.dirname, '../../../shared/field/pool-and-rpc-answers');

interface Rule {
  error: { code?: number; message?: unknown; data?: unknown };
  after?: number;
  times?: number;
}

/** Answers by rules `{method: {error, after, times}}`. */
function obey(proxy: Between, rules: Record<string, Rule>): void {
  proxy.instead = ({ method }, count) => {
    const rule = rules[method];
    if (!rule) return 'pass';
    const { error, after = 0, times = 1e9 } = rule;
    return count > after && count <= after + times ? { error } : 'pass';
  };
}

async function prepared(options = {}) {
  const node = await sandbox();
  const proxy = await between(node.url);
  const key = hotkey();
  node.register(key.ss58);
  const chain = await client(proxy.url, { timeoutMs: 2000, ...options });
  const sent: string[] = [];
  const commit = () =>
    chain.commit({
      netuid: NETUID,
      text: 'ns:name',
      hotkey: key,
      beforeSend: (hash) => void sent.push(hash),
    });
  return { node, proxy, key, chain, commit, sent };
}

/** As nodes and the proxies before them say that they would answer later. */
const BUSY: Rule['error'][] = [
  { code: -32999, message: 'Rate limit exceeded, retry after 1s' },
  { code: -32000, message: 'Server error' },
  { code: -32005, message: 'daily request count exceeded, request rate limited' },
  { code: -32029, message: 'Too many requests' },
  { code: -32097, message: 'rate-limit' },
  { code: -32603, message: 'Internal error' },
  { code: 429, message: 'Too Many Requests' },
  { code: 1, message: 'You are being throttled' },
  { code: 0, message: '503 Service Temporarily Unavailable' },
  { message: 'upstream timed out' },
];

describe('a node that is busy is waited for', () => {
  test.each(BUSY)('%j, before the submission and after it', async (error) => {
    const { proxy, node, key, commit, sent } = await prepared();
    obey(proxy, {
      state_getRuntimeVersion: { error, times: 1, after: 1 },
      chain_getFinalizedHead: { error, times: 1, after: 1 },
      author_submitExtrinsic: { error, times: 1 },
    });
    await commit();
    expect(sent).toHaveLength(1);
    expect(await included(node.url, key.ss58)).toBe(1);
    expect(proxy.counts.author_submitExtrinsic).toBe(2);
  });

  test('already at the door: HTTP 429 and 503 instead of a WebSocket', async () => {
    const node = await sandbox();
    const proxy = await between(node.url);
    for (const status of [429, 503]) {
      proxy.refuse = { status, times: 2 };
      const chain = await client(proxy.url, { timeoutMs: 2000 });
      expect(await chain.block()).toBeGreaterThanOrEqual(0);
    }
  });

  test('but not for ever', async () => {
    const { proxy, chain } = await prepared({ timeoutMs: 600 });
    obey(proxy, { chain_getHeader: { error: BUSY[0]! } });
    const error = await errorOf(chain.block());
    expect(error).toMatchObject({ code: 'chain.busy', exitCode: 5 });
    expect(error.message).toContain('Rate limit exceeded');
    proxy.refuse = { status: 429, times: 1e9 };
    expect(await errorOf(client(proxy.url, { timeoutMs: 600 }))).toMatchObject({
      code: 'chain.busy',
      exitCode: 5,
    });
  });

  test('after the submission not for ever either, and the fate is said to be unknown', async () => {
    const { proxy, commit } = await prepared({ timeoutMs: 600 });
    obey(proxy, { chain_getFinalizedHead: { error: BUSY[0]!, after: 1 } });
    expect(await errorOf(commit())).toMatchObject({ code: 'chain.lost', exitCode: 5 });
  });

  test('another endpoint is taken when the first stays busy', async () => {
    const { proxy, node } = await prepared();
    const chain = await client(proxy.url, { endpoints: [proxy.url, node.url], timeoutMs: 2000 });
    obey(proxy, { chain_getHeader: { error: BUSY[0]! } });
    await chain.block();
    expect(chain.endpoint).toBe(node.url);
  });
});

describe('what a pool refuses has its own cure', () => {
  const invalid = (data: string) => ({ code: 1010, message: 'Invalid Transaction', data });
  test.each([
    [invalid('Custom error: 10'), 'hotkey.not_registered', 4],
    [invalid('Custom error: 4'), 'hotkey.not_registered', 4],
    [invalid('Custom error: 19'), 'hotkey.not_registered', 4],
    [invalid('Custom error: 6'), 'chain.limit', 6],
    [invalid('Custom error: 12'), 'chain.limit', 6],
    [invalid('Custom error: 3'), 'netuid.missing', 2],
    [invalid('Custom error: 2'), 'chain.fees', 2],
    [invalid('Inability to pay some fees (e.g. account balance too low)'), 'chain.fees', 2],
    [invalid('Custom error: 255'), 'chain.rejected', 5],
    [invalid('Transaction call is not expected'), 'chain.rejected', 5],
    [{ code: -32601, message: 'RPC call is unsafe to be called externally' }, 'chain.rejected', 5],
    [invalid('Transaction has a bad signature'), 'chain.refuted', 5],
  ])('%j: %s', async (error, code, exitCode) => {
    const { proxy, node, key, commit } = await prepared();
    obey(proxy, { author_submitExtrinsic: { error } });
    const thrown = await errorOf(commit());
    expect(thrown).toMatchObject({ code, exitCode });
    expect(thrown.nextSteps.length).toBeGreaterThan(0);
    expect(await included(node.url, key.ss58)).toBe(0);
  });

  test.each([
    {
      code: 1016,
      message: 'Immediately Dropped: The transaction could not enter the pool because of the limit',
    },
    { code: 1012, message: 'Transaction is temporarily banned' },
    { code: 1013, message: 'Transaction is already imported' },
    { code: 1014, message: 'Priority is too low: (0 vs 0)' },
    invalid('Transaction would exhaust the block limits'),
    invalid('Transaction is outdated'),
  ])('%j is waited out', async (error) => {
    const { proxy, node, key, commit, sent } = await prepared();
    obey(proxy, { author_submitExtrinsic: { error, times: 1 } });
    await commit();
    expect(sent).toHaveLength(1);
    expect(await included(node.url, key.ss58)).toBe(1);
  });
});

describe.skipIf(!existsSync(FIELD))('answers from the field', () => {
  const files = existsSync(FIELD) ? readdirSync(FIELD).filter((name) => name.endsWith('.json')) : [];
  test.each(files)('%s', async (file) => {
    const { proxy, node, key, commit } = await prepared();
    obey(proxy, JSON.parse(readFileSync(join(FIELD, file), 'utf8')));
    const [end] = file.split('-');
    if (end === 'retry') {
      await commit();
      expect(proxy.counts.author_submitExtrinsic).toBe(1);
      expect(await included(node.url, key.ss58)).toBe(1);
    } else {
      expect((await errorOf(commit())).exitCode).toBe(Number(end!.replace('exit', '')));
    }
  });
});

describe('a node that lies about its height is not followed for ever', () => {
  const header = (number: number) => ({ number: `0x${number.toString(16)}` });
  test.each([
    ['stands still', () => 5],
    ['jumps up and down', (call: number) => (call % 2 === 0 ? 4 : 60)],
    ['races', (call: number) => call * 1000],
    ['creeps', (call: number) => Math.floor(call / 8)],
  ] as const)(
    '%s',
    async (_, heightOf) => {
      const { proxy, node, commit, chain } = await prepared();
      let calls = 0;
      // What was handed over is lost, so that only the height could end it.
      node.setFaults({ dropExtrinsics: 1e9 });
      proxy.instead = ({ method }) =>
        method === 'chain_getHeader' ? { result: header(heightOf(calls++)) } : 'pass';
      const bounded = await client(proxy.url, { timeoutMs: 500, stallMs: 800 });
      const startedAt = performance.now();
      const request = { netuid: NETUID, text: 'ns:name', hotkey: hotkey() };
      const error = await errorOf(bounded.commit(request));
      expect(error.exitCode).toBe(5);
      // Three eras of 64 blocks of 40 ms, twice, and the stall: 18 s at most.
      expect(performance.now() - startedAt).toBeLessThan(25_000);
      const waited = await bounded.waitForBlock(1000).catch((thrown: unknown) => thrown);
      if (typeof waited !== 'number') expect(waited).toMatchObject({ code: 'chain.stalled' });
      void commit;
      void chain;
    },
    120_000,
  );

  test('a list of commitments without an end', async () => {
    const { proxy, chain } = await prepared({ timeoutMs: 300 });
    proxy.alter = ({ method }, result) =>
      method === 'state_getKeysPaged' ? Array.from({ length: 1000 }, () => '0x00') : result;
    expect(await errorOf(chain.commitments(NETUID))).toMatchObject({ exitCode: 5 });
  }, 60_000);
});

test('the words and codes that are no reason to wait', () => {
  expect(isTransient(-32601, 'Method not found')).toBe(false);
  expect(isTransient(-32602, 'Invalid params: retry')).toBe(false);
  expect(isTransient(4003, 'Client error: Execution failed')).toBe(false);
  expect(refusalOf(1010, 'Invalid Transaction: Custom error: 10')).toBe('hopeless');
  expect(retryAfter('Rate limit exceeded, retry after 1s')).toBe(1000);
  expect(retryAfter('try again in 250 ms')).toBe(250);
  expect(retryAfter('no')).toBe(0);
});
