import { execFile } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect, createWallet } from '../../src/chain/index.ts';
import { type Sandbox, sandboxDir, startSandbox } from '../../src/sandbox/index.ts';
import { cleanEnv, root, runPt } from '../commands/run-pt.ts';
import { makeModel } from '../publish/support.ts';

/** A sandbox under profile 6.0 with two open competitions a model in each, and a commitment to a third that is not held. */
let home: string;
let sandbox: Sandbox;
let env: Record<string, string>;
const uids: Record<'first' | 'second' | 'closed', number> = { first: -1, second: -1, closed: -1 };

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'pt-competitions-'));
  sandbox = await startSandbox({ dir: sandboxDir(home), blockTimeMs: 200 });
  const constants = join(home, 'constants');
  cpSync(join(root, 'constants'), constants, { recursive: true });
  const file = join(constants, 'schedule.sandbox.json');
  const schedule = JSON.parse(readFileSync(file, 'utf8'));
  const [only] = schedule.periods[0].competitions;
  schedule.periods[0].competitions = [0, 1].map((id) => ({ ...only, id, name: `SANDBOX_${id}` }));
  writeFileSync(file, JSON.stringify(schedule));
  const bin = join(home, 'bin');
  mkdirSync(bin);
  writeFileSync(
    join(bin, 'pt'),
    `#!/bin/sh\nexec "${process.execPath}" "${join(root, 'bin/run.js')}" "$@"\n`,
  );
  chmodSync(join(bin, 'pt'), 0o755);
  env = {
    PATH: [bin, process.env.PATH].join(delimiter),
    HOME: home,
    PT_HOME: home,
    PT_CONSTANTS: constants,
    PT_NETWORK: 'sandbox',
    PT_PROFILE: '6.0',
    PYTHONPATH: join(root, 'python'),
    PYTHONDONTWRITEBYTECODE: '1',
  };
  const { path, name } = sandbox.state.wallet;
  for (const hotkey of ['first', 'second', 'closed'] as const) {
    const signer = await createWallet({ path, name, hotkey });
    uids[hotkey] = sandbox.chain!.register(signer.ss58);
    if (hotkey !== 'closed') continue;
    const chain = await connect({ endpoints: [sandbox.state.chain] });
    await chain.commit({
      netuid: 9,
      text: `me:closed:${'a'.repeat(40)}:${'A'.repeat(43)}=:7`,
      hotkey: signer,
    });
    await chain.close();
  }
  const model = await makeModel(join(home, 'model'), { layers: 1 });
  for (const [id, hotkey] of ['first', 'second'].entries()) {
    const to = ['--load-model-dir', model, '--hf-repo-id', `me/${hotkey}`, '--competition', String(id)];
    const ran = await runPt(['upload', ...to, '--wallet-hotkey', hotkey, '--json', '--yes'], {
      env,
      cwd: home,
    });
    expect(ran.code, ran.stderr).toBe(0);
  }
}, 60_000);
afterAll(async () => {
  await sandbox?.close();
  rmSync(home, { recursive: true, force: true });
});

const program = promisify(execFile);

/** What everything that can be asked says is the best: command, toolbox and Python package. */
async function answers(competition: string[] = []) {
  const flag = competition.flatMap((name) => ['--competition', name]);
  const json = async (...args: string[]) =>
    (await runPt([...args, ...flag, '--json'], { env, cwd: home })).json();
  const options = competition.length === 0 ? {} : { competition: competition[0] };
  const [status, loaded, typescript, python] = await Promise.all([
    json('status'),
    json('load-best', '--dir', join(home, `best-${competition.join('') || 'all'}`), '--force'),
    program(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `import { graph } from '${join(root, 'dist/index.js')}'; console.log(await graph.bestUid(${JSON.stringify(options)}))`,
      ],
      { env: cleanEnv(env), cwd: home },
    ),
    program(
      process.env.PT_PYTHON ?? 'python3',
      ['-c', `from pretrain_miner import graph; print(graph.best_uid(**${JSON.stringify(options)}))`],
      { env: cleanEnv(env), cwd: home },
    ),
  ]);
  return [status.bestUid, loaded.uid, Number(typescript.stdout), Number(python.stdout)];
}

const all = (uid: number) => [uid, uid, uid, uid];

describe('the best model where several competitions are open', { timeout: 120_000 }, () => {
  it('is the best of them all for everything that is asked, when none is named', async () => {
    sandbox.chain!.setIncentive({ [uids.closed]: 0.5, [uids.first]: 0.4, [uids.second]: 0.1 });
    expect(await answers()).toEqual(all(uids.first));
    sandbox.chain!.setIncentive({ [uids.closed]: 0.5, [uids.first]: 0.1, [uids.second]: 0.4 });
    expect(await answers()).toEqual(all(uids.second));
    const { stderr } = await runPt(['load-best', '--dir', join(home, 'again')], { env, cwd: home });
    expect(stderr).toContain('of competition 1, the best of all that are open');
  });

  it('is the best of the one that is named, by id or name', async () => {
    sandbox.chain!.setIncentive({ [uids.first]: 0.3, [uids.second]: 0.7 });
    expect(await answers(['0'])).toEqual(all(uids.first));
    expect(await answers(['sandbox_1'])).toEqual(all(uids.second));
    const unknown = await runPt(['status', '--competition', '9', '--json'], { env, cwd: home });
    expect(unknown.json()).toMatchObject({ error: { code: 'competition.unknown', exitCode: 2 } });
  });
});
