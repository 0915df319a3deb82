import { expect, test } from 'vitest';
import { between } from './between.ts';
import { client, errorOf, hotkey, included, NETUID, rpc, sandbox } from './support.ts';

const request = (key: ReturnType<typeof hotkey>, text: string) => ({ netuid: NETUID, text, hotkey: key });

async function registered(options = {}) {
  const node = await sandbox(options);
  const key = hotkey();
  node.register(key.ss58);
  const signed: Uint8Array[] = [];
  const watched = {
    ...key,
    sign: (message: Uint8Array) => {
      signed.push(message);
      return key.sign(message);
    },
  };
  return { node, key, watched, signed };
}

test('what another machine committed since the caller looked is left alone, and named', async () => {
  const { node, key, watched, signed } = await registered();
  const [mine, theirs] = [await client(node.url), await client(node.url)];
  await mine.commit(request(key, 'first'));
  const standing = await mine.commitment(NETUID, key.ss58);
  await theirs.commit(request(key, 'theirs'));
  const error = await errorOf(mine.commit({ ...request(watched, 'mine'), standing }));
  expect(error).toMatchObject({ code: 'commitment.replaced', exitCode: 2 });
  expect(error.message).toContain('theirs');
  expect(error.details.commitment).toMatchObject({ text: 'theirs' });
  expect(signed).toHaveLength(0);
  expect((await mine.commitment(NETUID, key.ss58))?.text).toBe('theirs');
});

test('nothing stood there, and now something does', async () => {
  const { node, key, watched, signed } = await registered();
  const chain = await client(node.url);
  await chain.commit(request(key, 'theirs'));
  const error = await errorOf(chain.commit({ ...request(watched, 'mine'), standing: null }));
  expect(error.code).toBe('commitment.replaced');
  expect(signed).toHaveLength(0);
});

test('the commitment that is to be replaced is replaced', async () => {
  const { node, key } = await registered();
  const chain = await client(node.url);
  await chain.commit(request(key, 'old'));
  const standing = await chain.commitment(NETUID, key.ss58);
  await chain.commit({ ...request(key, 'new'), standing });
  expect((await chain.commitment(NETUID, key.ss58))?.text).toBe('new');
});

test('another machine commits while ours is dropped again and again: it is read before it is signed again', async () => {
  const { node, key, watched, signed } = await registered({ blockTimeMs: 15 });
  const [mine, theirs] = [await client(node.url), await client(node.url)];
  node.setFaults({ dropExtrinsics: 1 });
  const error = await errorOf(
    mine.commit({
      ...request(watched, 'mine'),
      // Before ours is handed over, theirs takes the nonce; ours is dropped, whichever comes first.
      beforeSend: async () => {
        node.setFaults({});
        await theirs.commit(request(key, 'theirs'));
      },
    }),
  );
  expect(error).toMatchObject({ code: 'commitment.replaced', details: { commitment: { text: 'theirs' } } });
  expect(signed).toHaveLength(1);
  expect(await included(node.url, key.ss58)).toBe(1);
});

test('an extrinsic of an earlier run that lands late: the later run stops and names it', async () => {
  const { node, key, watched, signed } = await registered();
  const proxy = await between(node.url);
  let held = '';
  proxy.instead = ({ method, params }) => {
    if (method !== 'author_submitExtrinsic') return 'pass';
    held = String(params[0]);
    return { result: `0x${'00'.repeat(32)}` };
  };
  const slow = await client(proxy.url);
  await errorOf(slow.commit({ ...request(key, 'earlier'), signal: AbortSignal.timeout(300) }));
  expect(held).not.toBe('');
  const chain = await client(node.url);
  const standing = await chain.commitment(NETUID, key.ss58);
  const error = await errorOf(
    chain.commit({
      ...request(watched, 'later'),
      standing,
      beforeSend: async () => {
        await rpc(node.url, 'author_submitExtrinsic', held);
        node.seal();
      },
    }),
  );
  expect(error).toMatchObject({ code: 'commitment.replaced', details: { commitment: { text: 'earlier' } } });
  expect(signed).toHaveLength(1);
  expect((await chain.commitment(NETUID, key.ss58))?.text).toBe('earlier');
  expect(await included(node.url, key.ss58)).toBe(1);
});
