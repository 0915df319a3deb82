import { expect, test } from 'vitest';
import { readRuntime } from '../../src/chain/runtime.ts';
import { finish, type Progress } from '../../src/progress.ts';
import { awaitLimit, checkLimit, timeOf } from '../../src/publish/limit.ts';
import type { Opened, PublishRequest } from '../../src/publish/types.ts';
import { createRuntime } from '../../src/sandbox/chain/metadata.ts';
import { between } from '../chain/between.ts';
import { client, hotkey, NETUID, sandbox } from '../chain/support.ts';

const BYTES = 100;
const request = { netuid: NETUID, wait: true } as PublishRequest;
const runtime = readRuntime(createRuntime('old', 40).v14);

const u32 = (value: number): string => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return `0x${bytes.toString('hex')}`;
};

/** A runtime that wants blocks between two commitments, and a node that says how many, and when the last one was. */
async function limited(says: { blocks: number; last: (block: number) => number }) {
  const node = await sandbox({ shape: 'old' });
  const proxy = await between(node.url);
  const key = hotkey();
  node.register(key.ss58);
  const keys = {
    last: runtime.key('Commitments', 'LastCommitment', NETUID, key.ss58),
    blocks: runtime.key('Commitments', 'RateLimit'),
  };
  let block = 0;
  proxy.alter = ({ method }, result) => {
    if (method === 'chain_getHeader') block = Number((result as { number: string }).number);
    if (method !== 'state_queryStorageAt') return result;
    const [set] = result as { changes: [string, string | null][] }[];
    const lies: Record<string, string> = {
      [keys.last]: u32(says.last(block)),
      [keys.blocks]: u32(says.blocks),
    };
    return [{ ...set!, changes: set!.changes.map(([name, value]) => [name, lies[name] ?? value]) }];
  };
  const chain = await client(proxy.url);
  return { chain, hotkey: key } as unknown as Opened;
}

async function waited(place: Opened): Promise<{ error: unknown; notes: string[] }> {
  const notes: string[] = [];
  const told = (event: Progress) => void (event.kind === 'note' && notes.push(event.message));
  const error = await finish(awaitLimit(request, place, BYTES), told).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  return { error, notes };
}

test('--wait says until when, and ends when the limit frees', async () => {
  let last: number | null = null;
  const place = await limited({
    blocks: 20,
    last: (block) => {
      last ??= block;
      return last;
    },
  });
  await expect(checkLimit(request, place, BYTES)).rejects.toMatchObject({ code: 'chain.limit', exitCode: 6 });
  const { error, notes } = await waited(place);
  expect(error).toBeNull();
  expect(notes).toEqual([expect.stringContaining('Waiting for block')]);
});

test('a limit that is used up anew whenever it frees is given up', async () => {
  const { error, notes } = await waited(await limited({ blocks: 4, last: (block) => block }));
  expect(error).toMatchObject({ code: 'chain.limit', exitCode: 6, details: { kind: 'blocks' } });
  expect(notes).toHaveLength(3);
});

test('a node that says it frees in a thousand years is not waited for', async () => {
  const place = await limited({ blocks: 2 ** 32 - 1, last: (block) => block });
  const { error, notes } = await waited(place);
  expect(error).toMatchObject({ code: 'chain.limit', exitCode: 6 });
  expect(notes).toEqual([]);
});

test('the time of any block is one that can be written', () => {
  for (const block of [0, 5, 2 ** 31, Number.MAX_SAFE_INTEGER])
    expect(new Date(timeOf(block, 1, 12_000)).getTime()).not.toBeNaN();
});
