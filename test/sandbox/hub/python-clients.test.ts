import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { findPython } from '../../../src/bridge/index.ts';
import { sandbox, tempDir, WRITE_TOKEN } from '../../hub/support.ts';

/**
 * Independent clients against the sandbox Hub: what they do with the real one must work here. They run in the project's Python environment;
 * PT_PYTHON_OLD may name a second interpreter with older releases (huggingface_hub 0.23, transformers 4.38).
 */
const run = promisify(execFile);
const pythons = [await findPython().then((env) => env?.python), process.env.PT_PYTHON_OLD].filter(
  (python): python is string => typeof python === 'string' && existsSync(python),
);

const environment = (url: string): NodeJS.ProcessEnv => ({
  ...process.env,
  HF_ENDPOINT: url,
  HF_TOKEN: WRITE_TOKEN,
  HF_HUB_DISABLE_XET: '1',
  HF_HUB_DISABLE_TELEMETRY: '1',
  HF_HUB_DISABLE_PROGRESS_BARS: '1',
  HF_HOME: tempDir(),
});

// Importing torch for the first time in an environment takes its time.
describe.skipIf(pythons.length === 0)('Python clients', { timeout: 240_000 }, () => {
  it.each(pythons)('huggingface_hub does all that it does with a Hub (%s)', async (python) => {
    // Small parts, so that its multipart upload is used too; small pages, so that its paging is.
    const server = await sandbox({ multipart: { threshold: 1_000_000, partSize: 400_000 }, pageSize: 3 });
    const { stdout } = await run(python, [join(import.meta.dirname, 'huggingface_hub_client.py')], {
      env: environment(server.url),
    });
    expect(stdout.trim().split('\n').at(-1)).toBe('all fine');
    // A token at the object store would have been refused there.
    const atStore = server.requests.filter(({ step }) => ['put', 'part', 'cdn'].includes(step));
    expect(atStore.length).toBeGreaterThan(0);
    expect(atStore.filter(({ authorized }) => authorized)).toEqual([]);
  });

  it.each(pythons)(
    'transformers saves, pushes and loads a model with the same logits (%s)',
    async (python) => {
      const server = await sandbox();
      const { stdout } = await run(python, [join(import.meta.dirname, 'transformers_client.py')], {
        env: environment(server.url),
      });
      expect(stdout.trim().split('\n').at(-1)).toBe('all fine');
    },
  );

  it('the hf command uploads and downloads', async () => {
    const server = await sandbox();
    const hf = join(pythons[0]!, '..', 'hf');
    const env = environment(server.url);
    const { writeFileSync, readFileSync, mkdirSync } = await import('node:fs');
    const dir = join(tempDir(), 'model');
    mkdirSync(dir);
    writeFileSync(join(dir, 'model.safetensors'), Buffer.alloc(300_000, 7));
    writeFileSync(join(dir, 'config.json'), '{}');
    await run(hf, ['upload', 'alice/cli', dir, '.', '--private'], { env });
    const target = join(tempDir(), 'copy');
    await run(hf, ['download', 'alice/cli', '--local-dir', target], { env });
    expect(readFileSync(join(target, 'model.safetensors')).equals(Buffer.alloc(300_000, 7))).toBe(true);
  });
});
