import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ss58Of } from '../../src/chain/address.ts';
import { createWallet } from '../../src/chain/index.ts';
import { cleanEnv, root, runPt } from '../commands/run-pt.ts';
import { blocksOf } from './blocks.ts';

/** The programs of docs/custom-miner.md, run as they stand there, one after another on one sandbox. */
const PAGE = 'docs/custom-miner.md';
const programs = blocksOf(PAGE);
const one = (language: string, starts: string) => {
  const found = programs.filter((block) => block.language === language && block.text.startsWith(starts));
  expect(found, `${language} blocks of ${PAGE} that start with ${starts}`).toHaveLength(1);
  return found[0]!.text;
};

let home: string;
let env: Record<string, string>;
/** What the first test trained. */
let trained: string;
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'pt-programs-'));
  const bin = join(home, 'bin');
  mkdirSync(bin);
  writeFileSync(
    join(bin, 'pt'),
    `#!/bin/sh\nexec "${process.execPath}" "${join(root, 'bin/run.js')}" "$@"\n`,
  );
  chmodSync(join(bin, 'pt'), 0o755);
  // As `npm install pretrain-miner` and `pip install ./python` leave it.
  mkdirSync(join(home, 'node_modules'));
  symlinkSync(root, join(home, 'node_modules', 'pretrain-miner'));
  env = {
    PATH: [bin, process.env.PATH].join(delimiter),
    HOME: home,
    PT_HOME: join(home, 'pt'),
    PYTHONPATH: join(root, 'python'),
    PYTHONDONTWRITEBYTECODE: '1',
  };
  await runPt(['sandbox', 'start', '--detach'], { env, cwd: home });
});
afterAll(async () => {
  await runPt(['sandbox', 'stop'], { env, cwd: home });
  rmSync(home, { recursive: true, force: true });
});

const run = (program: string, args: string[], more: Record<string, string> = {}) =>
  new Promise<{ code: number; output: string }>((settle) => {
    execFile(program, args, { cwd: home, env: cleanEnv({ ...env, ...more }) }, (error, stdout, stderr) =>
      settle({ code: error === null ? 0 : Number(error.code ?? -1), output: stdout + stderr }),
    );
  });

/** Registers the hotkey at this uid of the sandbox, after as many others as that takes. */
async function registerAs(uid: number, ss58: string, endpoint: string): Promise<number> {
  const socket = new WebSocket(endpoint);
  await once(socket, 'open');
  const register = async (hotkey: string): Promise<number> => {
    socket.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'sandbox_register', params: [hotkey] }));
    const [{ data }] = (await once(socket, 'message')) as [{ data: string }];
    return JSON.parse(data).result;
  };
  try {
    for (let seed = 1; (await register(ss58Of(new Uint8Array(32).fill(seed)))) < uid - 1; ) seed += 1;
    return await register(ss58);
  } finally {
    socket.close();
  }
}

test('the recipe trains, and what it trains can be published', async () => {
  writeFileSync(join(home, 'my_recipe.py'), one('python', '# my_recipe.py'));
  const ran = await runPt(
    ['train', '--network', 'sandbox', '--recipe', 'my_recipe.py', '--max-steps', '2', '--json'],
    { env, cwd: home },
  );
  expect(ran.code, ran.stderr).toBe(0);
  const { bestDir, steps } = ran.json() as { bestDir: string; steps: number };
  expect(steps).toBe(2);
  trained = bestDir;
  const to = ['--load-model-dir', bestDir, '--hf-repo-id', 'me/first', '--yes', '--json'];
  const published = await runPt(['upload', '--network', 'sandbox', ...to], { env, cwd: home });
  expect(published.code, published.stderr).toBe(0);
}, 180_000);

test('the TypeScript program loads, saves and publishes, and its types hold', async () => {
  const text = one('ts', 'import { graph');
  writeFileSync(
    join(home, 'miner.ts'),
    `${text}\nconsole.log(JSON.stringify({ uid, repo: repo?.repo, url: repo?.url }));\n`,
  );
  writeFileSync(join(home, 'package.json'), '{"type": "module"}\n');
  const ran = await run(process.execPath, ['miner.ts']);
  expect(ran.code, ran.output).toBe(0);
  expect(JSON.parse(ran.output.trim().split('\n').at(-1)!)).toMatchObject({ uid: 1, repo: 'me/model' });
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const options = '--noEmit --strict --module nodenext --target es2024 --skipLibCheck --types node'.split(
    ' ',
  );
  const typeRoots = ['--typeRoots', join(root, 'node_modules', '@types')];
  expect(await run(process.execPath, [tsc, ...options, ...typeRoots, 'miner.ts'])).toEqual({
    code: 0,
    output: '',
  });
}, 120_000);

test("the guide's program runs unchanged, with the wallet object of its SDK", async () => {
  const { json } = await runPt(['sandbox', 'env', '--json'], { env, cwd: home });
  const onSandbox = json().env as Record<string, string>;
  // The guide names uid 123: hotkeys up to it are registered, and it publishes.
  const signer = await createWallet({ path: onSandbox.PT_WALLET_PATH!, name: 'miner', hotkey: 'theirs' });
  const uid = await registerAs(123, signer.ss58, onSandbox.PT_NETWORK!);
  expect(uid).toBe(123);
  const to = ['--load-model-dir', trained, '--hf-repo-id', 'them/best', '--dtype', 'fp32', '--yes'];
  const wallet = ['--wallet-name', 'miner', '--wallet-hotkey', 'theirs'];
  const given = await runPt(['upload', '--network', 'sandbox', ...to, ...wallet, '--json'], {
    env,
    cwd: home,
  });
  expect(given.code, given.stderr).toBe(0);
  // The SDK's wallet as `bt.wallet()` gives it; the real SDK is far too large for every run of the tests.
  mkdirSync(join(home, 'sdk'));
  writeFileSync(
    join(home, 'sdk', 'bittensor.py'),
    `import os
class wallet:
    def __init__(self, name=None, hotkey=None, path=None):
        self.name = name or os.environ.get("BT_WALLET_NAME", "default")
        self.hotkey_str = hotkey or os.environ.get("BT_WALLET_HOTKEY", "default")
        self.path = path or os.environ.get("BT_WALLET_PATH", "~/.bittensor/wallets/")
`,
  );
  writeFileSync(join(home, 'guide.txt'), one('python', 'import pretrain as pt'));
  const runner = `import ast, asyncio, inspect
code = compile(open("guide.txt").read(), "guide.py", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
names = {}
asyncio.run(eval(code, names))
import torch
kept, bf16 = names["model"], names["pt"].mining.load_local_model("model-foo/", use_bf16=True)
assert kept.dtype == torch.float32 and bf16.dtype == torch.bfloat16
for ours, theirs in zip(kept.parameters(), bf16.parameters(), strict=True):
    assert torch.equal(ours.to(torch.bfloat16), theirs)
`;
  const ran = await run(process.env.PT_PYTHON!, ['-c', runner], {
    ...onSandbox,
    PYTHONPATH: [join(root, 'python'), join(home, 'sdk')].join(delimiter),
    BT_WALLET_PATH: onSandbox.PT_WALLET_PATH!,
  });
  expect(ran.code, ran.output).toBe(0);
  expect(ran.output).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/\S+\/tree\/[0-9a-f]{40}$/m);
  const { neurons } = (await runPt(['status', '--network', 'sandbox', '--json'], { env, cwd: home })).json();
  expect(neurons).toContainEqual(expect.objectContaining({ repo: 'jdoe/my-repo' }));
}, 180_000);

test('the Python program does the same', async () => {
  rmSync(join(home, 'best'), { recursive: true, force: true });
  const { json } = await runPt(['sandbox', 'env', '--json'], { env, cwd: home });
  const onSandbox = json().env as Record<string, string>;
  writeFileSync(join(home, 'miner.py'), one('python', 'from pretrain_miner'));
  const ran = await run(process.env.PT_PYTHON!, ['miner.py'], onSandbox);
  expect(ran.code, ran.output).toBe(0);
  const status = await runPt(['status', '--network', 'sandbox', '--json'], { env, cwd: home });
  expect(status.json().neurons).toContainEqual(expect.objectContaining({ repo: 'me/model' }));
}, 180_000);
