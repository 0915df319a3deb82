import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Sandbox, sandboxDir, startSandbox } from '../../src/sandbox/index.ts';
import { runPt } from '../commands/run-pt.ts';
import { makeModel } from '../publish/support.ts';
import { mountSmallDisk } from '../support/small-disk.ts';

const KIB = 1024;
const home = await mkdtemp(join(tmpdir(), 'pt-full-disk-'));
const small = join(home, 'small');
const disk = mountSmallDisk(small, 256 * KIB);
let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await startSandbox({ dir: sandboxDir(home), blockTimeMs: 200 });
});
afterAll(async () => {
  await sandbox?.close();
  disk?.unmount();
  await rm(home, { recursive: true, force: true });
});

const errorOf = (stdout: string) => JSON.parse(stdout).error;

// Mounting takes root, which CI may not have.
it.skipIf(!disk)(
  'load and upload on a full disk name it, keep what was there, and work with room',
  async () => {
    const model = await makeModel(join(home, 'model'), { width: 64 });
    const settings = { PT_HOME: home, PT_NETWORK: 'sandbox' };
    const upload = ['upload', '--load-model-dir', model, '--hf-repo-id', 'me/full', '--json'];
    const published = await runPt(upload, { env: settings });
    expect(published.code, published.stderr).toBe(0);

    const dir = join(small, 'best');
    const load = await runPt(['load-best', '--dir', dir, '--json'], { env: settings });
    expect(errorOf(load.stdout)).toMatchObject({ code: 'disk.full', exitCode: 2 });
    expect(existsSync(dir)).toBe(false);

    const { state } = sandbox;
    const elsewhere = {
      PT_HOME: join(small, 'home'),
      PT_NETWORK: state.chain,
      HF_ENDPOINT: state.hub,
      HF_ACCESS_TOKEN: state.token,
      PT_WALLET_PATH: state.wallet.path,
      PT_WALLET_NAME: state.wallet.name,
      PT_WALLET_HOTKEY: state.wallet.hotkey,
    };
    await writeFile(join(small, 'filler'), Buffer.alloc(512 * KIB)).catch(() => {});
    const before = sandbox.hub.requests.length;
    // By its address from another PT_HOME it is any chain, whose tokenizer this model is too small for.
    const second = [
      'upload',
      '--load-model-dir',
      model,
      '--hf-repo-id',
      'me/second',
      '--no-check',
      '--yes',
      '--json',
    ];
    const refused = await runPt(second, { env: elsewhere });
    expect(errorOf(refused.stdout), refused.stderr).toMatchObject({ code: 'disk.full' });
    expect(sandbox.hub.requests.slice(before).some(({ method }) => method !== 'GET')).toBe(false);

    await rm(join(small, 'filler'), { force: true });
    for (const name of await readdir(small)) await rm(join(small, name), { recursive: true });
    const done = await runPt(second, { env: elsewhere });
    expect(done.code, done.stderr).toBe(0);
  },
);
