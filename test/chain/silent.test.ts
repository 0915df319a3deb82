import { execa } from 'execa';
import { expect, test } from 'vitest';
import { sandbox } from './support.ts';

const INDEX = new URL('../../src/chain/index.ts', import.meta.url).href;

/** Runs a script in a process of its own: it must end by itself and say nothing. */
const run = (script: string) =>
  execa(
    process.execPath,
    ['--input-type=module', '-e', `import { connect } from ${JSON.stringify(INDEX)}; ${script}`],
    {
      timeout: 30_000,
      all: true,
    },
  );

test('a client says nothing and lets the process end after close', async () => {
  const node = await sandbox();
  const { all } = await run(
    `const chain = await connect({ endpoints: ['${node.url}'] }); await chain.neurons(9); await chain.close();`,
  );
  expect(all).toBe('');
});

test('a client that was closed by the other side, and one that never connected, hold nothing either', async () => {
  const node = await sandbox();
  node.setFaults({ cut: { method: 'chain_getHeader', when: 'before', times: 1e9 } });
  const { all } = await run(
    `await connect({ endpoints: ['ws://127.0.0.1:1'], timeoutMs: 300 }).catch(() => {});
     const chain = await connect({ endpoints: ['${node.url}'], timeoutMs: 300 });
     await chain.block().catch(() => {}); await chain.close();`,
  );
  expect(all).toBe('');
});

test('a commit says nothing and lets the process end, though it loads polkadot.js', async () => {
  const node = await sandbox();
  const key = new URL('../../src/chain/wallet/keypair.ts', import.meta.url).href;
  const { all } = await run(
    `const { createHotkey } = await import(${JSON.stringify(key)});
     const hotkey = createHotkey('t', { cryptoType: 'sr25519', secret: new Uint8Array(32).fill(200) });
     const chain = await connect({ endpoints: ['${node.url}'] });
     const error = await chain.commit({ netuid: 9, text: 'x', hotkey }).catch((error) => error);
     await chain.close(); if (error.code !== 'hotkey.not_registered') throw error;`,
  );
  expect(all).toBe('');
});
