import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Sandbox, sandboxDir, startSandbox } from '../../src/sandbox/index.ts';
import { makeModel } from '../publish/support.ts';

let home: string;
let sandbox: Sandbox;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'pt-toolbox-'));
  sandbox = await startSandbox({ dir: sandboxDir(home), blockTimeMs: 200 });
});
afterAll(async () => {
  await sandbox?.close();
  await rm(home, { recursive: true, force: true });
});

it("runs the guide's example in a program of its own, which then ends by itself", async () => {
  const model = await makeModel(join(home, 'model'), { strays: true });
  const program = join(home, 'miner.mjs');
  await writeFile(
    program,
    `import { graph, mining } from ${JSON.stringify(pathToFileURL(resolve('dist/index.js')).href)};
const network = 'sandbox';
const before = await graph.bestUid({ network });
const own = await mining.loadLocalModel(${JSON.stringify(model)}, { network });
const saved = await mining.save(own, ${JSON.stringify(join(home, 'saved'))});
const pushed = await mining.push({ dir: saved.dir, repo: 'me/toolbox', wallet: { name: 'default', hotkey: 'default' }, network });
const uid = await graph.bestUid({ network });
const best = await mining.loadRemoteModel({ uid, downloadDir: ${JSON.stringify(join(home, 'best'))}, network });
const where = await mining.getRepo(uid, { network });
const wrong = await mining.loadRemoteModel({ uid: 77, network }).catch((error) => error.exitCode);
console.log(JSON.stringify({ before, pushed, uid, best, where, wrong }));
`,
  );
  const { stdout, stderr } = await execa(process.execPath, [program], {
    env: { PT_HOME: home },
    timeout: 60_000,
    stdin: 'ignore',
  });
  expect(stderr).toBe('');
  const { before, pushed, uid, best, where, wrong } = JSON.parse(stdout);
  expect(before).toBeNull();
  expect(pushed).toMatchObject({ repo: 'me/toolbox', public: true });
  expect(best).toMatchObject({ uid, commit: pushed.commit, contentHash: pushed.contentHash, verified: true });
  expect(where).toMatchObject({ repo: 'me/toolbox', commit: pushed.commit });
  expect(wrong).toBeGreaterThan(0);
  expect(await readdir(join(home, 'saved'))).not.toContain('.env');
});
