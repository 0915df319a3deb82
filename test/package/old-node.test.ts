/** The toolbox on an older Node than the one that `pt` pins, as many machines have one. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Sandbox, sandboxDir, startSandbox } from '../../src/sandbox/index.ts';
import { cleanEnv, root } from '../commands/run-pt.ts';
import { findOldNode } from '../support/old-node.ts';

const older = findOldNode();

describe.skipIf(older === null)('the toolbox on an older Node', () => {
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

  it('reads the chain; what needs a lock says which Node has one', async () => {
    const program = `
      const { graph, mining, rules } = await import(${JSON.stringify(join(root, 'dist/index.js'))});
      const network = 'sandbox';
      const best = await graph.bestUid({ network });
      const { repo } = rules.parseRepoRef('me/model');
      const pushed = await mining.push({ dir: '.', repo, network }).catch((error) => error.code ?? String(error.stack));
      const locks = process.getBuiltinModule?.('node:sqlite') !== undefined;
      console.log(JSON.stringify({ best, repo, pushed, locks }));`;
    const options = { env: cleanEnv({ PT_HOME: home }), cwd: home };
    const ran = await promisify(execFile)(older!, ['--input-type=module', '-e', program], options);
    const { best, repo, pushed, locks } = JSON.parse(ran.stdout);
    expect({ best, repo }).toEqual({ best: null, repo: 'me/model' });
    if (locks) expect(pushed).not.toBe('node.too_old');
    else expect(pushed).toBe('node.too_old');
  }, 60_000);
});
