import { closeSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkTarget } from '../../src/check/index.ts';
import { contentHashOf, planUpload } from '../../src/model/index.ts';
import { openPlace } from '../../src/place.ts';
import { finish } from '../../src/progress.ts';
import { resolveSettings } from '../../src/settings/index.ts';
import { llamaConfig, old, tempDir, writeModel, writeSparseModel } from '../model/support.ts';

/** Bytes that this process has read from anything, by the kernel's count. */
const bytesRead = () => Number(/^rchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))![1]);

const CONFIG = llamaConfig({ hidden_size: 512, intermediate_size: 2048, num_attention_heads: 8 });

function writeLarge(dtype: 'F32' | 'BF16'): { dir: string; shard: string; bytes: number } {
  const dir = tempDir();
  writeSparseModel(dir, CONFIG, 2, dtype);
  const shards = [1, 2].map((n) => join(dir, `model-0000${n}-of-00002.safetensors`));
  return { dir, shard: shards[0]!, bytes: shards.reduce((sum, path) => sum + statSync(path).size, 0) };
}

async function check(dir: string) {
  const settings = resolveSettings({
    flags: { offline: true, network: 'finney' },
    env: { PT_HOME: tempDir() },
    cwd: tempDir(),
    home: tempDir(),
  });
  const place = openPlace(settings, { env: process.env });
  const request = {
    target: { kind: 'folder' as const, dir },
    hash: true,
  };
  // Whatever is loaded or read once in a process is not the folder's.
  await finish(checkTarget({ ...request, target: { kind: 'folder', dir: writeModel(tempDir()) } }, place));
  const before = bytesRead();
  const verdict = await finish(checkTarget(request, place));
  return { verdict, read: bytesRead() - before };
}

describe.runIf(process.platform === 'linux')('a folder is read once by pt check', () => {
  it.each(['F32', 'BF16'] as const)('with weights in %s', async (dtype) => {
    const { dir, bytes } = writeLarge(dtype);
    const { verdict, read } = await check(dir);
    expect(verdict.contentHash).toBe(await contentHashOf(dir, old));
    expect(bytes).toBeGreaterThan(30e6 / (dtype === 'F32' ? 1 : 2));
    expect(read).toBeGreaterThanOrEqual(bytes);
    expect(read).toBeLessThan(1.3 * bytes);
  });

  it.each(['F32', 'BF16'] as const)('also when a weight in %s is not finite', async (dtype) => {
    const { dir, shard, bytes } = writeLarge(dtype);
    const fd = openSync(shard, 'r+');
    writeSync(fd, Buffer.from([0xff, 0xff, 0xff, 0xff]), 0, 4, 10_000_000);
    closeSync(fd);
    const { verdict, read } = await check(dir);
    expect(verdict.findings.find((f) => f.rule === 'weights')).toMatchObject({ ok: false });
    expect(verdict.contentHash).toBe(await contentHashOf(dir, old));
    expect(read).toBeGreaterThanOrEqual(bytes);
    expect(read).toBeLessThan(1.3 * bytes);
  });

  it('and so does the plan of an upload', async () => {
    const { dir, bytes } = writeLarge('F32');
    const before = bytesRead();
    const plan = await finish(planUpload(dir, { dtype: 'bf16', profile: old }));
    expect(bytesRead() - before).toBeLessThan(1.3 * bytes);
    expect(plan.contentHash).not.toBe(await contentHashOf(dir, old));
  });
});
