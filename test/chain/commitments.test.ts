import fc from 'fast-check';
import { expect, test } from 'vitest';
import { commitmentOf } from '../../src/chain/commitments.ts';
import { readRuntime } from '../../src/chain/runtime.ts';
import { createRuntime } from '../../src/sandbox/chain/metadata.ts';
import { commitmentInfo } from './support.ts';

const sandboxRuntime = createRuntime('current', 1000);
const runtime = readRuntime(sandboxRuntime.v15);
const registration = sandboxRuntime.builder.buildStorage('Commitments', 'CommitmentOf').value;
const hexOf = (bytes: Uint8Array) => `0x${Buffer.from(bytes).toString('hex')}`;

test('every text of up to 128 bytes comes back as it was', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 128 }), (text) => {
      fc.pre(Buffer.byteLength(text) <= 128 && text.isWellFormed());
      const bytes = registration.enc({ deposit: 0n, block: 7, info: commitmentInfo(text) });
      const decoded = commitmentOf(runtime.value('Commitments', 'CommitmentOf', hexOf(bytes)));
      expect(decoded).toEqual({ block: 7, text });
    }),
  );
});

test('bytes that are not UTF-8, other kinds of data and several fields are no text', () => {
  const read = (info: unknown) => commitmentOf({ block: 1, info }).text;
  expect(read([{ type: 'Raw2', value: '0xc328' }])).toBeNull();
  expect(read([{ type: 'Sha256', value: `0x${'00'.repeat(32)}` }])).toBeNull();
  expect(read([{ type: 'None' }])).toBeNull();
  expect(read([])).toBeNull();
  expect(read([commitmentInfo('a'), commitmentInfo('b')].flat())).toBeNull();
  expect(read(null)).toBeNull();
  // The Python SDK's decoders print hex; a text that looks like hex stays text.
  expect(read(commitmentInfo('0x61'))).toBe('0x61');
});

test('arbitrary bytes from a chain decode or throw, and never hang or crash', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      try {
        const value = runtime.value('Commitments', 'CommitmentOf', hexOf(bytes));
        const { text } = commitmentOf(value);
        expect(text === null || typeof text === 'string').toBe(true);
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
    }),
    { numRuns: 500 },
  );
});

test('a huge count in front of nothing is refused at once', () => {
  const startedAt = performance.now();
  const bomb = `0x${'00'.repeat(12)}feffffff`;
  expect(() => runtime.value('Commitments', 'CommitmentOf', bomb)).toThrow();
  expect(performance.now() - startedAt).toBeLessThan(200);
});
