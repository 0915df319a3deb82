/** The toolbox on older Nodes than the one that `pt` pins, as many machines have one. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Sandbox, sandboxDir, startSandbox } from '../../src/sandbox/index.ts';
import { cleanEnv, root } from '../commands/run-pt.ts';
import { makeModel } from '../publish/support.ts';
import { findOldNode, unpackNode22 } from '../support/old-node.ts';

const older = findOldNode();
const unpacked = mkdtempSync(join(tmpdir(), 'pt-node-22-'));
const node22 = unpackNode22(unpacked);
afterAll(() => rmSync(unpacked, { recursive: true }));

describe.skipIf(older === null && node22 === null)('the toolbox on an older Node', () => {
  let home: string;
  let sandbox: Sandbox;
  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'pt-old-node-'));
    sandbox = await startSandbox({ dir: sandboxDir(home), blockTimeMs: 1000 });
  });
  afterAll(async () => {
    await sandbox?.close();
    rmSync(home, { recursive: true });
  });

  /** What the program prints that `node` runs, with the toolbox imported and `network` the sandbox. */
  async function runOn(node: string, program: string) {
    const whole = `const { graph, mining, rules } = await import(${JSON.stringify(join(root, 'dist/index.js'))});
      const network = 'sandbox';
      ${program}`;
    const options = { env: cleanEnv({ PT_HOME: home }), cwd: home };
    const ran = await promisify(execFile)(node, ['--input-type=module', '-e', whole], options);
    return JSON.parse(ran.stdout);
  }

  it.skipIf(older === null)(
    'reads the chain; what needs a lock says which Node has one',
    async () => {
      const program = `
      const best = await graph.bestUid({ network });
      const { repo } = rules.parseRepoRef('me/model');
      const pushed = await mining.push({ dir: '.', repo, network }).catch((error) => error.code ?? String(error.stack));
      const locks = process.getBuiltinModule?.('node:sqlite') !== undefined;
      console.log(JSON.stringify({ best, repo, pushed, locks }));`;
      const { best, repo, pushed, locks } = await runOn(older!, program);
      expect({ best, repo }).toEqual({ best: null, repo: 'me/model' });
      if (locks) expect(pushed).not.toBe('node.too_old');
      else expect(pushed).toBe('node.too_old');
    },
    60_000,
  );

  it.skipIf(node22 === null)(
    'publishes on Node 22, and loads back what it published',
    async () => {
      const model = await makeModel(join(home, 'model'));
      const program = `
      const wallet = { name: 'default', hotkey: 'default' };
      const pushed = await mining.push({ dir: ${JSON.stringify(model)}, repo: 'me/node-22', wallet, network });
      const uid = await graph.bestUid({ network });
      const loaded = await mining.loadRemoteModel({ uid, downloadDir: ${JSON.stringify(join(home, 'best'))}, network });
      console.log(JSON.stringify({ version: process.version, pushed, loaded }));`;
      const { version, pushed, loaded } = await runOn(node22!, program);
      expect(version).toMatch(/^v22\./);
      expect(loaded).toMatchObject({
        commit: pushed.commit,
        contentHash: pushed.contentHash,
        verified: true,
      });
    },
    60_000,
  );
});
