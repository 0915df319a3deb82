import fc from 'fast-check';
import { expect, test } from 'vitest';
import { connect } from '../../src/chain/index.ts';
import { PtError } from '../../src/errors.ts';
import { createRuntime } from '../../src/sandbox/chain/metadata.ts';
import { attack, patience } from '../support/attack.ts';
import { between } from './between.ts';
import { hotkey, included, NETUID, sandbox } from './support.ts';

/** The calls of `pt status` and of a commitment. */
const METHODS = [
  'chain_getBlockHash',
  'state_getRuntimeVersion',
  'system_chain',
  'state_call',
  'state_getMetadata',
  'chain_getHeader',
  'chain_getFinalizedHead',
  'state_getStorage',
  'state_queryStorageAt',
  'state_getKeysPaged',
  'author_submitExtrinsic',
  'chain_getBlock',
];

/** JSON that breaks whoever turns it into text or numbers without looking. */
const nasty = fc.constantFrom<unknown>(
  null,
  [],
  {},
  { toString: 1, valueOf: 1 },
  { toString: { toString: null } },
  { __proto__: null, constructor: 1 },
  [[[[{ toString: [] }]]]],
  'x'.repeat(100_000),
  '0x',
  `0x${'ff'.repeat(64)}`,
  `0x${'00'.repeat(32)}`,
  '0xffffffffffffffffffffffff',
  -1,
  1e308,
  '\u001b[31m\u202e',
  { number: '0xffffffff' },
  { number: { toString: 1 } },
  { specVersion: 424, transactionVersion: { valueOf: 1 } },
  { block: { extrinsics: [{}, null, { toString: 1 }] } },
  [{ changes: [[{ toString: 1 }, 5], null, 3] }],
);
const anything = fc.oneof(fc.jsonValue(), nasty, nasty);
const hexes = fc.uint8Array({ maxLength: 200 }).map((bytes) => `0x${Buffer.from(bytes).toString('hex')}`);
const answer = fc.oneof(
  fc.record({ result: anything }),
  fc.record({ result: hexes }),
  fc.record({ error: anything }),
  fc.record({ error: fc.record({ code: anything, message: anything, data: anything }) }),
);
const lies = fc.record({
  methods: fc.uniqueArray(fc.constantFrom(...METHODS), { minLength: 1, maxLength: METHODS.length }),
  /** Calls of each method that are answered truly first. */
  after: fc.nat(3),
  times: fc.constantFrom(1, 2, 1e9),
  answer,
});

test(
  'whatever JSON a node answers, in status and in a commitment, it is an error of the outside',
  async () => {
    // Short epochs, so that no run uses up their space.
    const node = await sandbox({ tempo: 4 });
    const proxy = await between(node.url);
    const key = hotkey();
    node.register(key.ss58);
    let commitments = 0;
    await attack(
      'any JSON in place of any answers, in status and commitment',
      fc.asyncProperty(lies, async ({ methods, after, times, answer }) => {
        proxy.counts = {};
        const lying = new Set(methods);
        proxy.instead = ({ method }, count) =>
          lying.has(method) && count > after && count <= after + times ? answer : 'pass';
        const check = (error: unknown): void => {
          expect(error).toBeInstanceOf(PtError);
          expect((error as PtError).exitCode).not.toBe(1);
          expect((error as PtError).message.length).toBeLessThan(3000);
          // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
          expect((error as PtError).message).not.toMatch(/[\u0000-\u001f\u202e]/);
        };
        let chain: Awaited<ReturnType<typeof connect>>;
        try {
          chain = await connect({ endpoints: [proxy.url], timeoutMs: 60, stallMs: 150 });
        } catch (error) {
          return check(error);
        }
        try {
          const text = `ns:${commitments++}`;
          for (const step of [
            () => chain.block(),
            () => chain.subnetExists(NETUID),
            () => chain.uidOf(NETUID, key.ss58),
            () => chain.neurons(NETUID),
            () => chain.commitments(NETUID),
            () => chain.commitment(NETUID, key.ss58),
            () => chain.commitLimit(NETUID, key.ss58, 90),
            async () => chain.blockTimeMs + chain.specVersion + chain.chainName.length,
            () => chain.commit({ netuid: NETUID, text, hotkey: key, signal: AbortSignal.timeout(2000) }),
            async () => chain.waitForBlock((await chain.block()) + 1, AbortSignal.timeout(300)),
          ])
            await step().catch(check);
        } finally {
          await chain.close();
        }
      }),
      { short: 40 },
    );
  },
  patience(600_000),
);

test(
  'metadata with bytes changed anywhere: nothing hangs, and nothing but the commitment is included',
  async () => {
    // Short epochs, so that no run uses up their space.
    const node = await sandbox({ tempo: 4 });
    const proxy = await between(node.url);
    const key = hotkey();
    node.register(key.ss58);
    const { v15 } = createRuntime('current', 40);
    const prefix = Buffer.alloc(4);
    prefix.writeUInt32LE(v15.length * 4 + 2);
    const edits = fc.array(fc.tuple(fc.nat(v15.length - 6), fc.integer({ min: 1, max: 255 })), {
      minLength: 1,
      maxLength: 5,
    });
    let turn = 0;
    await attack(
      'metadata of a node with bytes changed, in a commitment',
      fc.asyncProperty(edits, async (changes) => {
        const bytes = Buffer.from(v15);
        for (const [at, flip] of changes) bytes[at + 5]! ^= flip;
        proxy.alter = ({ method, params }, result) =>
          method === 'state_call' && params[0] === 'Metadata_metadata_at_version'
            ? `0x01${prefix.toString('hex')}${bytes.toString('hex')}`
            : result;
        const before = await included(node.url, key.ss58);
        const text = `ns:${turn++}`;
        let done = false;
        try {
          const chain = await connect({ endpoints: [proxy.url], timeoutMs: 500, stallMs: 500 });
          try {
            await chain.commit({ netuid: NETUID, text, hotkey: key });
            done = true;
          } finally {
            await chain.close();
          }
        } catch (error) {
          expect(error).toBeInstanceOf(PtError);
          expect((error as PtError).exitCode).toBe(5);
        }
        const more = (await included(node.url, key.ss58)) - before;
        expect(more).toBeLessThanOrEqual(1);
        if (done) expect(more).toBe(1);
        const honest = await connect({ endpoints: [node.url] });
        const found = await honest.commitment(NETUID, key.ss58);
        await honest.close();
        // Whatever was included is the text that was meant.
        if (more === 1) expect(found?.text).toBe(text);
      }),
      { short: 40 },
    );
  },
  patience(600_000),
);
