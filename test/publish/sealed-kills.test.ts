/** Sealed publishes killed at random moments: the chain includes one seal, whatever is killed when, and the next run ends it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Sandbox, sandboxDir, startSandbox } from '../../src/sandbox/index.ts';
import { rpc } from '../chain/support.ts';
import { runPt } from '../commands/run-pt.ts';
import { makeModel } from './support.ts';

let home: string;
let model: string;
let sandbox: Sandbox;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'pt-sealed-kills-'));
  sandbox = await startSandbox({ dir: sandboxDir(home), blockTimeMs: 250 });
  model = await makeModel(join(home, 'model'));
});
afterAll(async () => {
  await sandbox?.close();
  await rm(home, { recursive: true, force: true });
});

const upload = (repo: string, ...rest: string[]) =>
  [
    'upload',
    '--profile',
    'albedo',
    '--load-model-dir',
    model,
    '--hf-repo-id',
    repo,
    '--no-check',
    '--yes',
    ...rest,
    '--json',
  ] as const;
const env = () => ({ PT_HOME: home, PT_NETWORK: 'sandbox' });
const sent = () => rpc<number>(sandbox.state.chain, 'system_accountNextIndex', sandbox.state.wallet.ss58);

test.each(['Sending', 'Uploaded', 'Committing to subnet', '"round'].map((word, i) => [word, i]))(
  'killed when it says %s',
  async (word, i) => {
    const repo = `me/albedo-qwen3.6-35b-k${i}`;
    const before = await sent();
    const killed = await runPt(
      [...upload(repo)].filter((arg) => arg !== '--json'),
      {
        env: env(),
        signalAfter: { test: (output) => output.includes(String(word)) || output.includes('is on chain') },
        signal: 'SIGKILL',
      },
    );
    expect(killed.stderr + killed.stdout).not.toContain('Internal error');
    const ended = await runPt([...upload(repo, '--wait-reveal')], { env: env() });
    expect(ended.json(), ended.stderr).toMatchObject({ repo, seal: { state: 'revealed' } });
    expect((await sent()) - before).toBe(1);
    expect((await runPt([...upload(repo)], { env: env() })).json()).toMatchObject({
      seal: { state: 'revealed' },
    });
    expect((await sent()) - before).toBe(1);
  },
  120_000,
);
