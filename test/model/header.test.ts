import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DTYPE_BITS } from '../../src/dtypes.ts';
import { PtError } from '../../src/errors.ts';
import { MAX_HEADER_BYTES, readHeader } from '../../src/model/header.ts';
import { memorySource } from '../../src/model/source.ts';
import type { ByteSource } from '../../src/model/types.ts';
import { attack } from '../support/attack.ts';
import { f32, safetensors, type Tensor } from './support.ts';

const read = (bytes: Uint8Array) => readHeader(memorySource('file', bytes));

const tensors = fc
  .uniqueArray(
    fc.record({
      name: fc
        .string({ unit: 'grapheme', maxLength: 20 })
        .filter((n) => n !== '__metadata__' && n.isWellFormed()),
      dtype: fc.constantFrom(...Object.keys(DTYPE_BITS).filter((d) => DTYPE_BITS[d]! >= 8)),
      shape: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }),
    }),
    { selector: (t) => t.name, maxLength: 8 },
  )
  .map((list) =>
    list.map((t): Tensor => {
      const count = t.shape.reduce((a, b) => a * b, 1);
      return { ...t, bytes: new Uint8Array((count * DTYPE_BITS[t.dtype]!) / 8) };
    }),
  );

describe('readHeader', () => {
  it('reads back every well-formed file', async () => {
    await fc.assert(
      fc.asyncProperty(tensors, async (list) => {
        const header = await read(safetensors(list));
        expect(new Map(header.tensors.map((t) => [t.name, [t.dtype, t.shape]]))).toEqual(
          new Map(list.map((t) => [t.name, [t.dtype, t.shape]])),
        );
        expect(header.tensors.reduce((sum, t) => sum + t.end - t.begin, header.dataStart)).toBe(
          header.fileSize,
        );
      }),
    );
  });

  it('answers damaged files with its own error, and never accepts tensors outside the file', async () => {
    const whole = safetensors([f32('a', [1, 2, 3]), f32('b', [4, 5])]);
    await attack(
      'safetensors headers with a byte changed or cut',
      fc.asyncProperty(
        fc.nat(whole.length - 1),
        fc.nat(255),
        fc.nat(whole.length),
        async (at, byte, keep) => {
          const bytes = Buffer.from(whole);
          bytes[at] = byte;
          for (const damaged of [bytes, bytes.subarray(0, keep)])
            try {
              const header = await read(damaged);
              for (const t of header.tensors) {
                expect(t.begin).toBeGreaterThanOrEqual(header.dataStart);
                expect(t.end).toBeLessThanOrEqual(damaged.length);
              }
            } catch (error) {
              expect(error).toBeInstanceOf(PtError);
              expect((error as PtError).code).toBe('safetensors.invalid');
            }
        },
      ),
      { short: 500 },
    );
  });

  it('names the tensor and the rule', async () => {
    const bad = safetensors([{ ...f32('model.norm.weight', [1, 2]), shape: [3] }]);
    await expect(read(bad)).rejects.toMatchObject({
      exitCode: 3,
      details: { file: 'file', tensor: 'model.norm.weight', rule: 'offsets' },
      message: expect.stringContaining('model.norm.weight'),
    });
  });

  it('reads no more than a lying length allows', async () => {
    let asked = 0;
    const source: ByteSource = {
      name: 'huge',
      size: 2 ** 40,
      read: async (start, end) => {
        asked += end - start;
        const bytes = new Uint8Array(end - start);
        new DataView(bytes.buffer).setBigUint64(0, BigInt(MAX_HEADER_BYTES + 1), true);
        return bytes;
      },
    };
    await expect(readHeader(source)).rejects.toMatchObject({ code: 'safetensors.invalid' });
    expect(asked).toBeLessThanOrEqual(65_536);
  });

  it('takes one read for a small header and two for a large one', async () => {
    for (const [count, reads] of [
      [3, 1],
      [2000, 2],
    ] as const) {
      const bytes = safetensors(Array.from({ length: count }, (_, i) => f32(`layer.${i}.weight`, [i])));
      let asked = 0;
      await readHeader({
        name: 'counted',
        size: bytes.length,
        read: async (start, end) => {
          asked++;
          return bytes.subarray(start, end);
        },
      });
      expect(asked).toBe(reads);
    }
  });
});
