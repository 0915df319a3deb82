import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findPython } from '../../src/bridge/index.ts';
import type { UploadFile } from '../../src/hub/types.ts';
import { contentHashOf, inspectFolder, memorySource, planUpload, readHeader } from '../../src/model/index.ts';
import { finish } from '../../src/progress.ts';
import {
  f32,
  late,
  llamaConfig,
  old,
  safetensors,
  type Tensor,
  tempDir,
  writeModel,
  writeSparseModel,
} from './support.ts';

const plan = (dir: string, dtype: 'bf16' | 'fp32' = 'bf16', profile = old) =>
  finish(planUpload(dir, { dtype, profile }));

async function bytesOf(file: UploadFile, start?: number, end?: number): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of file.open(start, end)) parts.push(Uint8Array.from(part));
  return Buffer.concat(parts);
}

/** A config of a class that is not known here, so that any tensors will do. */
const OTHER = { architectures: ['OtherForCausalLM'], model_type: 'other', torch_dtype: 'float32', eps: 1e-5 };

function folderOf(tensors: Tensor[], config: object = OTHER): string {
  const dir = tempDir();
  writeFileSync(join(dir, 'config.json'), JSON.stringify(config, null, 2));
  writeFileSync(join(dir, 'model.safetensors'), safetensors(tensors));
  return dir;
}

/** Nearest bf16 (ties to even) by exact comparison of the two neighbours, as a check on the bit trick. */
function nearestBf16(value: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer)[0]!;
  const low = bits >>> 16;
  const asNumber = (half: number) => new Float32Array(Uint32Array.of((half << 16) >>> 0).buffer)[0]!;
  const down = Math.abs(Math.abs(value) - Math.abs(asNumber(low)));
  const up = Math.abs(Math.abs(asNumber(low + 1)) - Math.abs(value));
  if (down !== up) return down < up ? low : low + 1;
  return low % 2 === 0 ? low : low + 1;
}

describe('planUpload', () => {
  it('casts every finite float to the nearest bf16', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.float({ noNaN: true, min: Math.fround(-3e38), max: Math.fround(3e38) }), {
          minLength: 1,
          maxLength: 70,
        }),
        async (values) => {
          const { files } = await plan(folderOf([f32('w', values)]));
          const bytes = await bytesOf(files.find((f) => f.path === 'model.safetensors')!);
          const { tensors } = await readHeader(memorySource('cast', bytes));
          expect(tensors[0]).toMatchObject({ dtype: 'BF16', shape: [values.length] });
          const actual = values.map((_, i) => bytes.readUInt16LE(tensors[0]!.begin + 2 * i));
          expect(actual).toEqual(values.map(nearestBf16));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('gives the bytes that torch gives, for every kind of float and across chunks', async () => {
    const dir = tempDir();
    const script = `
import sys, torch
from safetensors.torch import save_file
torch.manual_seed(3)
bits = torch.randint(-2**31, 2**31 - 1, (700_003,), dtype=torch.int64).to(torch.int32)
wide = bits.view(torch.float32).clone()
wide[~torch.isfinite(wide)] = 1.5
wide[wide.abs() > 3.3e38] = -2.5
half = torch.arange(65536, dtype=torch.int32).to(torch.int16).view(torch.float16).clone()
half[~torch.isfinite(half)] = 0.1
tensors = {"wide": wide, "half": half, "double": torch.randn(4099, dtype=torch.float64), "whole": torch.arange(5), "brain": torch.randn(7).bfloat16()}
save_file(tensors, sys.argv[1] + "/model.safetensors", metadata={"format": "pt"})
for name, tensor in tensors.items():
    cast = tensor.bfloat16().view(torch.int16) if tensor.is_floating_point() else tensor
    open(sys.argv[1] + "/" + name + ".raw", "wb").write(cast.numpy().tobytes())
`;
    const { python } = await findPython();
    execFileSync(python, ['-c', script, dir]);
    const model = join(dir, 'model');
    mkdirSync(model);
    writeFileSync(join(model, 'config.json'), JSON.stringify(OTHER));
    writeFileSync(join(model, 'model.safetensors'), readFileSync(join(dir, 'model.safetensors')));
    const { files } = await plan(model);
    const bytes = await bytesOf(files.find((f) => f.path === 'model.safetensors')!);
    const { tensors } = await readHeader(memorySource('cast', bytes));
    expect(tensors).toHaveLength(5);
    for (const t of tensors)
      expect(bytes.subarray(t.begin, t.end).equals(readFileSync(join(dir, `${t.name}.raw`))), t.name).toBe(
        true,
      );
  });

  it('gives the same bytes from any place and any number of times, and hashes what it gives', async () => {
    const dir = folderOf([
      f32(
        'a',
        Array.from({ length: 1001 }, (_, i) => i / 7),
      ),
      f32('b', [1, 2, 3]),
    ]);
    const { files } = await plan(dir);
    for (const file of files) {
      const whole = await bytesOf(file);
      expect(whole.length).toBe(file.size);
      expect(createHash('sha256').update(whole).digest('hex')).toBe(file.sha256);
      await fc.assert(
        fc.asyncProperty(fc.nat(file.size), fc.nat(file.size), async (x, y) => {
          const [start, end] = [Math.min(x, y), Math.max(x, y)];
          expect((await bytesOf(file, start, end)).equals(whole.subarray(start, end))).toBe(true);
        }),
        { numRuns: 40 },
      );
    }
  });

  it('plans a folder that, once written, has the planned content hash and facts', async () => {
    for (const [profile, extra] of [
      [old, {}],
      [
        late,
        { 'tokenizer.json': '{}', 'tokenizer_config.json': '{"tokenizer_class":"PreTrainedTokenizerFast"}' },
      ],
    ] as const) {
      const dir = writeModel(tempDir(), llamaConfig(), { ...extra, 'stray.bin': 'x', '.env': 'SECRET=1' });
      const { files, contentHash, facts } = await plan(dir, 'bf16', profile);
      expect(files.map((f) => f.path)).not.toContain('.env');
      expect(files.map((f) => f.path)).not.toContain('stray.bin');
      const copy = tempDir();
      for (const file of files) writeFileSync(join(copy, file.path), await bytesOf(file));
      expect(await contentHashOf(copy, profile)).toBe(contentHash);
      const { config: _, ...written } = await inspectFolder(copy, profile);
      const { config: __, ...planned } = facts;
      expect(planned).toEqual(written);
      expect(facts.dtypes).toEqual(['BF16']);
    }
  });

  it('changes the dtype in the config and no other character', async () => {
    const dir = folderOf([f32('w', [1])], OTHER);
    const text = '{\n  "eps": 1e-05,\n  "torch_dtype": "float32",\n  "theta": 10000.0\n}';
    writeFileSync(join(dir, 'config.json'), text);
    const { files } = await plan(dir);
    expect((await bytesOf(files.find((f) => f.path === 'config.json')!)).toString()).toBe(
      text.replace('float32', 'bfloat16'),
    );
    writeFileSync(join(dir, 'config.json'), '{"dtype":"float32"}');
    const again = await plan(dir);
    expect(
      JSON.parse((await bytesOf(again.files.find((f) => f.path === 'config.json')!)).toString()),
    ).toEqual({
      dtype: 'bfloat16',
      torch_dtype: 'bfloat16',
    });
  });

  it('leaves what needs no cast exactly as it is', async () => {
    const dir = writeModel(tempDir());
    const { files, contentHash } = await plan(dir, 'fp32');
    for (const file of files) expect(await bytesOf(file)).toEqual(readFileSync(join(dir, file.path)));
    expect(contentHash).toBe(await contentHashOf(dir, old));
  });

  it('keeps shards and corrects the total in the index', async () => {
    const dir = tempDir();
    writeSparseModel(dir, llamaConfig(), 2, 'F32');
    const { files, facts } = await plan(dir);
    const index = JSON.parse((await bytesOf(files.find((f) => f.path.endsWith('index.json'))!)).toString());
    expect(index.metadata.total_size).toBe(facts.parameters! * 2);
    expect(files.filter((f) => f.path.endsWith('.safetensors'))).toHaveLength(2);
  });

  it.each([
    ['NaN', Number.NaN, 'bf16'],
    ['infinity', Number.POSITIVE_INFINITY, 'bf16'],
    ['a value that rounds to infinity', 3.4e38, 'bf16'],
    ['NaN without a cast', Number.NaN, 'fp32'],
  ] as const)('refuses %s and names the tensor', async (_, value, dtype) => {
    const dir = folderOf([f32('first', [1, 2]), f32('second', [3, value, 4]), f32('third', [5])]);
    await expect(plan(dir, dtype)).rejects.toMatchObject({
      code: 'model.not_finite',
      exitCode: 3,
      details: { tensor: 'second' },
    });
  });

  it.each([
    ['F64', new Uint8Array(Float64Array.of(1, 1e300).buffer)],
    ['F16', new Uint8Array(Uint16Array.of(0x3c00, 0x7c00).buffer)],
    ['BF16', new Uint8Array(Uint16Array.of(0x3f80, 0x7fc0).buffer)],
  ])('refuses what is not finite in %s', async (dtype, bytes) => {
    const dir = folderOf([f32('fine', [1]), { name: 'bad', dtype, shape: [2], bytes }]);
    for (const as of ['bf16', 'fp32'] as const)
      await expect(plan(dir, as)).rejects.toMatchObject({
        code: 'model.not_finite',
        details: { tensor: 'bad' },
      });
  });

  it('refuses a malformed model with every finding, and a file that changes after planning', async () => {
    await expect(plan(tempDir())).rejects.toMatchObject({ code: 'model.malformed', exitCode: 3 });
    const dir = folderOf([f32('w', [1, 2, 3])]);
    const { files } = await plan(dir);
    appendFileSync(join(dir, 'model.safetensors'), 'x');
    await expect(bytesOf(files.find((f) => f.path === 'model.safetensors')!)).rejects.toMatchObject({
      code: 'model.changed',
    });
  });

  it('serves several streams at once, some abandoned', async () => {
    const dir = folderOf([
      f32(
        'w',
        Array.from({ length: 600_000 }, (_, i) => Math.cos(i)),
      ),
    ]);
    const file = (await plan(dir)).files.find((f) => f.path === 'model.safetensors')!;
    const abandon = async () => {
      for await (const _ of file.open()) break;
    };
    const results = await Promise.all([
      bytesOf(file),
      abandon(),
      bytesOf(file, 100),
      abandon(),
      bytesOf(file),
    ]);
    for (const bytes of results.filter((b) => b !== undefined))
      expect(
        createHash('sha256')
          .update(results[0]!.subarray(results[0]!.length - bytes.length))
          .digest('hex'),
      ).toBe(createHash('sha256').update(bytes).digest('hex'));
    expect(createHash('sha256').update(results[0]!).digest('hex')).toBe(file.sha256);
  });
});
