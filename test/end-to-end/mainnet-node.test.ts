import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect, createWallet } from '../../src/chain/index.ts';
import { loadConstants } from '../../src/constants.ts';
import { SCHEMAS } from '../../src/output/index.ts';
import { type ChainSandbox, startChain } from '../../src/sandbox/chain/index.ts';
import { type SandboxHub, startHub } from '../../src/sandbox/hub/index.ts';
import { cleanEnv, root, runPt } from '../commands/run-pt.ts';
import { makeModel } from '../publish/support.ts';

/** A chain of our own on loopback that serves mainnet's genesis, as a local node of mainnet does. */
const TOKEN = 'hf_of_this_test';
/** What can score under mainnet's rules: ids for every token of its tokenizer, positions for its sequences. */
const MAINNET = { vocabulary: 50_257, positions: 1024 };
let home: string;
let chain: ChainSandbox;
let hub: SandboxHub;
let model: string;
let recipe: string;
let env: Record<string, string>;
let ss58: string;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'pt-mainnet-node-'));
  const dir = join(home, 'chain');
  await (await startChain({ dir, blockTimeMs: 200 })).close();
  const file = join(dir, 'chain.json');
  const saved = JSON.parse(readFileSync(file, 'utf8'));
  saved.genesisHash = loadConstants().networks.finney!.genesis;
  writeFileSync(file, JSON.stringify(saved));
  chain = await startChain({ dir, blockTimeMs: 200 });
  hub = await startHub({
    dir: join(home, 'hub'),
    tokens: [{ token: TOKEN, user: 'me', role: 'write', orgs: ['*'] }],
  });
  const wallets = join(home, 'wallets');
  ss58 = (await createWallet({ path: wallets, name: 'default', hotkey: 'default' })).ss58;
  chain.register(ss58);
  model = await makeModel(join(home, 'model'), MAINNET);
  const tiny = loadConstants().recipes.tiny!;
  recipe = join(home, 'small.json');
  writeFileSync(
    recipe,
    JSON.stringify({
      ...tiny,
      architecture: { ...(tiny.architecture as object), vocab_size: MAINNET.vocabulary },
    }),
  );
  env = {
    HOME: home,
    PT_HOME: join(home, 'pt'),
    PT_NETWORK: chain.url,
    PT_WALLET_PATH: wallets,
    HF_ENDPOINT: hub.url,
    HF_ACCESS_TOKEN: TOKEN,
  };
});
afterAll(async () => {
  await chain?.close();
  await hub?.close();
  rmSync(home, { recursive: true, force: true });
});

const onChain = async () => {
  const client = await connect({ endpoints: [chain.url] });
  try {
    return await client.commitment(9, ss58);
  } finally {
    await client.close();
  }
};
const WARNING = /Subnet 9 of Bittensor mainnet moved to another mechanism/;
const upload = (...more: string[]) =>
  runPt(['upload', '--load-model-dir', model, '--hf-repo-id', 'me/first', '--json', ...more], {
    env,
    cwd: home,
  });

/** Nobody could be asked (no terminal): refused by the question itself, and nothing was sent to Hub or chain. */
async function expectAsked(ran: {
  json: () => Record<string, unknown>;
  stderr: string;
  code: number | null;
}) {
  expect(ran.stderr).toMatch(WARNING);
  expect(ran.json()).toMatchObject({ error: { code: 'usage.confirmation', exitCode: 2 } });
  expect((ran.json().error as { message: string }).message).toContain('Commit me/first to subnet 9');
  expect(await onChain()).toBeNull();
}

describe('a node of mainnet on this machine, told by its genesis', { timeout: 120_000 }, () => {
  it('is asked about by upload and said by its dry run', async () => {
    const dry = await upload('--dry-run');
    expect(dry.code, dry.stderr).toBe(0);
    expect(dry.stderr).toMatch(WARNING);
    await expectAsked(await upload());
  });

  it('is asked about before training by --publish-when', async () => {
    const args = ['--recipe', recipe, '--max-steps', '1', '--hf-repo-id', 'me/first', '--json'];
    const ran = await runPt(['train', ...args, '--publish-when', 'p(win) > 0.9'], { env, cwd: home });
    await expectAsked(ran);
    expect((ran.json().error as { message: string }).message).toContain('whenever p(win) > 0.9?');
    expect(ran.stderr).not.toContain('step 1');
  });

  it('is asked about before training by a threshold too, not hours later', async () => {
    const args = ['--recipe', recipe, '--max-steps', '1', '--hf-repo-id', 'me/first', '--json'];
    const ran = await runPt(['train', ...args, '--avg-loss-upload-threshold', '1000'], { env, cwd: home });
    await expectAsked(ran);
    expect(ran.stderr).not.toContain('Run folder');
  });

  it('is refused to a program that does not answer', async () => {
    const program = join(home, 'push.mjs');
    writeFileSync(
      program,
      `import { mining } from ${JSON.stringify(pathToFileURL(join(root, 'dist/index.js')).href)};
const asked = [];
const push = (more) => mining.push({ dir: ${JSON.stringify(model)}, repo: 'me/first', ...more }).then(() => 'pushed', (error) => error.code);
const results = [await push({}), await push({ confirm: (question) => (asked.push(question), false) })];
console.log(JSON.stringify({ results, asked }));
`,
    );
    const { stdout } = await execa(process.execPath, [program], {
      env: cleanEnv(env) as Record<string, string>,
      extendEnv: false,
      cwd: home,
      stdin: 'ignore',
    });
    expect(JSON.parse(stdout)).toEqual({
      results: ['publish.retired', 'cancelled'],
      asked: [
        expect.objectContaining({ retired: true, replaces: null, text: expect.stringContaining(ss58) }),
      ],
    });
    expect(await onChain()).toBeNull();
  });

  it('says what is replaced, for --commit-only too', async () => {
    const published = await upload('--yes');
    expect(published.code, published.stderr).toBe(0);
    expect(published.stderr).toMatch(WARNING);
    const { block, commit } = published.json();
    const again = await runPt(['upload', '--commit-only', `me/first@${commit}`, '--json'], {
      env,
      cwd: home,
    });
    expect(again.json()).toMatchObject({ error: { code: 'usage.confirmation' } });
    expect((again.json().error as { message: string }).message).toContain(
      `in place of its commitment of block ${block}`,
    );
  });

  it('is asked about once where the training publishes at its end', async () => {
    const args = ['--recipe', recipe, '--max-steps', '1', '--hf-repo-id', 'me/trained', '--json', '--yes'];
    const ran = await runPt(['train', ...args, '--avg-loss-upload-threshold', '1000'], { env, cwd: home });
    expect(ran.json().published).toMatchObject({ repo: 'me/trained' });
    expect((await onChain())?.text).toContain('me:trained:');
  });

  it('is named by doctor', async () => {
    const ran = await runPt(['doctor', '--json'], { env, cwd: home });
    expect(JSON.stringify(ran.json())).toMatch(WARNING);
  });

  it('is named by status, which promises no commitment that scores', async () => {
    const json = await runPt(['status', '--mine', '--json'], { env, cwd: home });
    expect(SCHEMAS.status.parse(json.json())).toMatchObject({ retired: expect.stringMatching(WARNING) });
    const shown = await runPt(['status'], { env, cwd: home });
    expect(shown.stderr).toMatch(WARNING);
    expect(shown.stderr).toContain('which scores nothing');
    expect(shown.stderr).not.toContain('may commit now');
  });
});
