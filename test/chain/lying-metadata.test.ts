import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { metadata as codec, decAnyMetadata } from '@polkadot-api/substrate-bindings';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Hotkey } from '../../src/chain/index.ts';
import { connect } from '../../src/chain/index.ts';
import { PtError } from '../../src/errors.ts';
import { createRuntime } from '../../src/sandbox/chain/metadata.ts';
import { type Between, between, type RpcCall } from './between.ts';
import { client, errorOf, hotkey, included, NETUID, rpc, sandbox, temporaryFolder } from './support.ts';

const TEXT = 'ns:name:0123456789012345678901234567890123456789:c29tZSBoYXNo';
const MEANT = Buffer.concat([Buffer.from([18, 0, NETUID, 0, 4, 1 + TEXT.length]), Buffer.from(TEXT)]);

// biome-ignore lint/suspicious/noExplicitAny: metadata of every form
type Loose = any;
type Lie = (metadata: Loose) => void;

function lieOf(bytes: Uint8Array, lie: Lie): string {
  const decoded = decAnyMetadata(Uint8Array.from(bytes)) as Loose;
  lie(decoded.metadata.value);
  return `0x${Buffer.from(codec.enc(decoded)).toString('hex')}`;
}

/** Makes the node's metadata say something else, however it is asked for. */
function tell(node: Between, lie: Lie): void {
  const { v14, v15 } = createRuntime('current', 40);
  const [old, current] = [lieOf(v14, lie), Buffer.from(lieOf(v15, lie).slice(2), 'hex')];
  const length = Buffer.alloc(4);
  length.writeUInt32LE(current.length * 4 + 2);
  const opaque = `0x01${length.toString('hex')}${current.toString('hex')}`;
  node.alter = ({ method, params }: RpcCall, result) => {
    if (method === 'state_getMetadata') return old;
    return method === 'state_call' && params[0] === 'Metadata_metadata_at_version' ? opaque : result;
  };
}

const pallet = (metadata: Loose, name: string) => metadata.pallets.find((one: Loose) => one.name === name);
const typeOf = (metadata: Loose, id: number) => metadata.lookup[id];
const callsOf = (metadata: Loose, name: string): Loose[] =>
  typeOf(metadata, pallet(metadata, name).calls).def.value;
const setCommitment = (metadata: Loose) =>
  callsOf(metadata, 'Commitments').find(({ name }: Loose) => name === 'set_commitment');
const primitive = (metadata: Loose, tag: string): number =>
  metadata.lookup.find(({ def }: Loose) => def.tag === 'primitive' && def.value.tag === tag).id;
const dataVariants = (metadata: Loose): Loose[] =>
  metadata.lookup.find(({ path }: Loose) => path.at(-1) === 'Data').def.value;
const extensions = (metadata: Loose): Loose[] => metadata.extrinsic.signedExtensions;
const outer = (metadata: Loose) =>
  metadata.lookup.find(({ path }: Loose) => path.at(-1) === 'RuntimeCall').def.value;

const LIES: Record<string, Lie> = {
  'the call of another pallet': (metadata) => {
    pallet(metadata, 'Commitments').index = 7;
    pallet(metadata, 'SubtensorModule').index = 18;
    for (const variant of outer(metadata)) {
      if (variant.name === 'Commitments') variant.index = 7;
      else if (variant.name === 'SubtensorModule') variant.index = 18;
    }
    setCommitment(metadata).index = 7;
  },
  'a transfer of everything': (metadata) => {
    pallet(metadata, 'Commitments').index = 5;
    pallet(metadata, 'Balances').index = 18;
    for (const variant of outer(metadata)) if (variant.name === 'Commitments') variant.index = 5;
    setCommitment(metadata).index = 4;
  },
  'a remark': (metadata) => {
    pallet(metadata, 'Commitments').index = 0;
    pallet(metadata, 'System').index = 18;
  },
  'another call of the pallet': (metadata) => {
    setCommitment(metadata).index = 3;
  },
  'arguments the other way round': (metadata) => {
    setCommitment(metadata).fields.reverse();
  },
  'a wider netuid': (metadata) => {
    setCommitment(metadata).fields[0].type = primitive(metadata, 'u32');
  },
  'one more argument': (metadata) => {
    setCommitment(metadata).fields.push({ ...setCommitment(metadata).fields[0], name: 'more' });
  },
  'no such call': (metadata) => {
    setCommitment(metadata).name = 'get_commitment';
  },
  'text under another kind of data': (metadata) => {
    const variants = dataVariants(metadata);
    const at = variants.findIndex(({ name }: Loose) => name === `Raw${TEXT.length}`);
    variants[at].index = 2;
    variants[1].index = at;
  },
  'text of another length': (metadata) => {
    const variants = dataVariants(metadata);
    const [mine, other] = [TEXT.length, TEXT.length + 1].map((length) =>
      variants.find(({ name }: Loose) => name === `Raw${length}`),
    );
    [mine.fields, other.fields] = [other.fields, mine.fields];
  },
  'no check of the metadata': (metadata) => {
    extensions(metadata).pop();
  },
  'the check of the metadata under an empty type': (metadata) => {
    const [empty] = extensions(metadata);
    Object.assign(extensions(metadata).at(-1), {
      type: empty.type,
      additionalSigned: empty.additionalSigned,
    });
  },
  'extensions in another order': (metadata) => {
    extensions(metadata).reverse();
  },
  'extensions twice': (metadata) => {
    extensions(metadata).push(...extensions(metadata).slice(5, 8));
  },
  'an extension that nobody knows': (metadata) => {
    extensions(metadata).push({ ...extensions(metadata).at(-1), identifier: 'PayForMe' });
  },
  'a wider tip': (metadata) => {
    extensions(metadata).find(({ identifier }: Loose) => identifier === 'ChargeTransactionPayment').type =
      primitive(metadata, 'u128');
  },
  'another name of the chain': (metadata) => {
    const version = pallet(metadata, 'System').constants.find(({ name }: Loose) => name === 'Version');
    version.value = version.value.replace(/..$/, '07');
    metadata.lookup.find(({ path }: Loose) => path.at(-1) === 'NetUid').path.push('Other');
  },
};

/** A hotkey that keeps what it signed. */
function watched(): { key: Hotkey; payloads: Buffer[] } {
  const key = hotkey();
  const payloads: Buffer[] = [];
  const sign = (message: Uint8Array) => {
    payloads.push(Buffer.from(message));
    return key.sign(message);
  };
  return { key: { ...key, sign }, payloads };
}

describe('metadata that lies', () => {
  // Its words would reach the terminal.
  const said = () => ['error', 'warn', 'log'].map((name) => vi.mocked(console[name as 'log']));
  beforeEach(() => {
    for (const name of ['error', 'warn', 'log'] as const)
      vi.spyOn(console, name).mockImplementation(() => {});
  });
  afterEach(() => {
    for (const spy of said()) expect(spy).not.toHaveBeenCalled();
    vi.restoreAllMocks();
  });

  test.each(Object.entries(LIES))(
    '%s: nothing else is signed that any runtime would take',
    async (_, lie) => {
      const node = await sandbox();
      const proxy = await between(node.url);
      tell(proxy, lie);
      const { key, payloads } = watched();
      node.register(key.ss58);
      const digest = Buffer.from(createRuntime('current', 40).digest()!);
      let error: unknown = null;
      try {
        const chain = await client(proxy.url);
        await chain.commit({ netuid: NETUID, text: TEXT, hotkey: key });
      } catch (thrown) {
        error = thrown;
      }
      expect(error).toBeInstanceOf(PtError);
      expect(error).toMatchObject({ exitCode: 5 });
      expect(await included(node.url, key.ss58)).toBe(0);
      for (const payload of payloads) {
        // Either it is the commitment whatever the node said, or the runtime is made to compare, and cannot agree.
        const compared = payload.at(-33) === 1 && !payload.subarray(-32).equals(digest);
        expect(compared || payload.subarray(0, MEANT.length).equals(MEANT)).toBe(true);
      }
    },
  );

  test('what the liar said is in no way of an honest node', async () => {
    const node = await sandbox();
    const proxy = await between(node.url);
    const cacheDir = await temporaryFolder();
    const { key, payloads } = watched();
    node.register(key.ss58);
    for (const lie of Object.values(LIES)) {
      tell(proxy, lie);
      const liar = await connect({ endpoints: [proxy.url], cacheDir, timeoutMs: 1000 }).catch(() => null);
      await liar?.neurons(NETUID).catch(() => {});
      await liar?.close();
    }
    const chain = await client(node.url, { cacheDir });
    const receipt = await chain.commit({ netuid: NETUID, text: TEXT, hotkey: key });
    expect(await chain.commitment(NETUID, key.ss58)).toEqual({ block: receipt.block, text: TEXT });
    expect(payloads).toHaveLength(1);
    expect(payloads[0]!.subarray(0, MEANT.length)).toEqual(MEANT);
  });

  test('a node that lied once and is honest again: its cache heals, for signing at once', async () => {
    const node = await sandbox();
    const proxy = await between(node.url);
    const cacheDir = await temporaryFolder();
    tell(proxy, LIES['the call of another pallet']!);
    await (await connect({ endpoints: [proxy.url], cacheDir })).close();
    const [file] = await readdir(cacheDir);
    const poisoned = await readFile(join(cacheDir, file!));
    proxy.alter = (_call, result) => result;
    const { key, payloads } = watched();
    node.register(key.ss58);
    const chain = await client(proxy.url, { cacheDir });
    await chain.commit({ netuid: NETUID, text: TEXT, hotkey: key });
    expect(payloads.map((payload) => payload.subarray(0, MEANT.length))).toEqual([MEANT]);
    expect(await readdir(cacheDir)).toEqual([file]);
    const healed = await readFile(join(cacheDir, file!));
    expect(healed.equals(poisoned)).toBe(false);
    expect(healed.subarray(32).equals(createRuntime('current', 40).v15)).toBe(true);
  });

  test('a cache that cannot read what the node answers is replaced while reading', async () => {
    const node = await sandbox();
    const proxy = await between(node.url);
    const cacheDir = await temporaryFolder();
    tell(proxy, (metadata) => {
      const item = pallet(metadata, 'SubtensorModule').storage.items.find(
        ({ name }: Loose) => name === 'SubnetworkN',
      );
      item.type.value.value = primitive(metadata, 'u64');
    });
    await (await connect({ endpoints: [proxy.url], cacheDir })).close();
    proxy.alter = (_call, result) => result;
    const chain = await client(proxy.url, { cacheDir });
    expect(await chain.neurons(NETUID)).toHaveLength(1);
    const [file] = await readdir(cacheDir);
    expect(
      (await readFile(join(cacheDir, file!))).subarray(32).equals(createRuntime('current', 40).v15),
    ).toBe(true);
  });

  test('fail-over from a liar to an honest node takes nothing along', async () => {
    const node = await sandbox();
    const proxy = await between(node.url);
    tell(proxy, LIES['the call of another pallet']!);
    const { key, payloads } = watched();
    node.register(key.ss58);
    const chain = await client(proxy.url, { endpoints: [proxy.url, node.url] });
    proxy.instead = () => 'drop';
    proxy.refuse = { status: 404, times: 1000 };
    await chain.commit({ netuid: NETUID, text: TEXT, hotkey: key });
    expect(payloads.map((payload) => payload.subarray(0, MEANT.length))).toEqual([MEANT]);
    expect(chain.endpoint).toBe(node.url);
  });
});

describe('CheckMetadataHash', () => {
  const extrinsicOf = async (url: string, blockHash: string): Promise<Buffer> => {
    const { block } = await rpc<{ block: { extrinsics: string[] } }>(url, 'chain_getBlock', blockHash);
    return Buffer.from(block.extrinsics.at(-1)!.slice(2), 'hex');
  };

  test('is asked for where the runtime has it', async () => {
    const node = await sandbox();
    const key = hotkey();
    node.register(key.ss58);
    const chain = await client(node.url);
    const { blockHash } = await chain.commit({ netuid: NETUID, text: TEXT, hotkey: key });
    const extrinsic = await extrinsicOf(node.url, blockHash);
    expect(extrinsic.at(-MEANT.length - 1)).toBe(1);
  });

  test('a runtime built without a digest gets the recorded call and no other', async () => {
    const node = await sandbox({ shape: 'old' });
    const { key, payloads } = watched();
    node.register(key.ss58);
    const chain = await client(node.url);
    const { blockHash } = await chain.commit({ netuid: NETUID, text: TEXT, hotkey: key });
    expect(payloads).toHaveLength(2);
    for (const payload of payloads) expect(payload.subarray(0, MEANT.length)).toEqual(MEANT);
    const extrinsic = await extrinsicOf(node.url, blockHash);
    expect(extrinsic.at(-MEANT.length - 1)).toBe(0);
    expect(await included(node.url, key.ss58)).toBe(1);
  });

  test('a liar that says there is no digest gains nothing', async () => {
    const node = await sandbox();
    const proxy = await between(node.url);
    tell(proxy, LIES['the call of another pallet']!);
    proxy.instead = ({ method }) =>
      method === 'author_submitExtrinsic'
        ? {
            error: {
              code: 1011,
              message: 'Unknown Transaction Validity',
              data: 'UnknownTransaction::CannotLookup',
            },
          }
        : 'pass';
    const { key, payloads } = watched();
    node.register(key.ss58);
    const chain = await client(proxy.url);
    const error = await errorOf(chain.commit({ netuid: NETUID, text: TEXT, hotkey: key }));
    expect(error).toMatchObject({ code: 'chain.not_meant', exitCode: 5 });
    expect(payloads).toHaveLength(1);
    expect(payloads[0]!.at(-33)).toBe(1);
  });
});

test('a runtime without the pallet of commitments is named as such, read or written', async () => {
  const chain = await sandbox();
  const node = await between(chain.url);
  tell(node, (metadata) => {
    pallet(metadata, 'Commitments').name = 'Otherments';
    for (const variant of outer(metadata)) if (variant.name === 'Commitments') variant.name = 'Otherments';
  });
  const reader = await client(node.url);
  const named = { code: 'chain.unsupported', message: expect.stringContaining('no pallet Commitments') };
  const key = hotkey();
  expect(await errorOf(reader.commitment(NETUID, key.ss58))).toMatchObject(named);
  expect(await errorOf(reader.store(NETUID))).toMatchObject(named);
  expect(await errorOf(reader.storeOf(NETUID, key.ss58))).toMatchObject(named);
  expect(await errorOf(reader.commit({ netuid: NETUID, text: TEXT, hotkey: key }))).toMatchObject(named);
  expect(await included(chain.url, key.ss58)).toBe(0);
});
