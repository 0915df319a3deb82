/** What a flag or variable that cannot hold, or that a command has no use for, says. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runPt } from './run-pt.ts';

const home = mkdtempSync(join(tmpdir(), 'pt-said-flags-'));
afterAll(() => rmSync(home, { recursive: true }));
const folder = join(home, 'profiles');
const pt = (line: string, env: Record<string, string> = {}) =>
  runPt(line.split(' '), { env: { PT_HOME: home, ...env }, cwd: home });

beforeAll(() => {
  mkdirSync(folder);
  for (const name of ['3.2.json', 'broken.json']) writeFileSync(join(folder, name), '{"netuid": 1}');
});

describe('a flag that a command has no use for', () => {
  it('is named beside --list-competitions', async () => {
    const ran = await pt('train --resume nothing --lr 3 --list-competitions --offline');
    expect(ran.code, ran.stderr).toBe(0);
    expect(ran.stderr).toContain('Warning: --resume, --lr do nothing with --list-competitions.');
    const plain = await pt('upload --list-competitions --offline --profile 6.0 --quiet');
    expect(plain.stderr).toBe('');
  });

  it.each([
    ['competitions --competition nosuch --offline', 'competition.unknown'],
    ['train --hf-repo-id bad//name --offline', 'repo.invalid'],
    ['check x --device cpu', 'usage.bad_flags'],
    ['train --nnodes 1 --rdzv-endpoint no-such-host.invalid:1', 'usage.machines'],
    ['train --rdzv-endpoint 127.0.0.1:1', 'usage.machines'],
    ['train --no-use-hotkey-in-hash --profile 6.0 --offline', 'usage.hash'],
    ['upload --load-model-dir x --hf-repo-id me/model --use-hotkey-in-hash --profile dippy', 'usage.hash'],
    ['status --wallet-password-fd 0', 'usage.unknown_flag'],
    ['doctor --competition 1', 'usage.unknown_flag'],
    ['wallet list --competition 1', 'usage.unknown_flag'],
    ['upload --load-model-dir x --hf-repo-id me/model --blocks 3', 'usage.not_sealed'],
  ])('%s is refused', async (line, code) => {
    const ran = await pt(`${line} --json`, { HF_TOKEN: 'hf_tokenofnobody' });
    expect(ran.json()).toMatchObject({ error: { code, exitCode: 2 } });
  });
});

it('lists the profiles that can be read, and names the file and key of one that cannot', async () => {
  const ran = await pt(`profiles --profiles ${folder} --json`);
  expect(ran.code).toBe(2);
  const { profiles, broken } = ran.json() as { profiles: { name: string }[]; broken: string[] };
  expect(profiles.map(({ name }) => name)).toContain('teutonic');
  // One that stands in the place of the profile that is taken when nothing is said stops the list as little.
  for (const [i, name] of ['3.2.json', 'broken.json'].entries()) {
    expect(broken[i]).toContain(`${join(folder, name)}: `);
    expect(ran.stderr).toContain(`Warning: ${broken[i]}`);
  }
  const one = await pt(`profiles show broken --profiles ${folder} --json`);
  expect(one.json()).toMatchObject({ error: { code: 'constants.invalid', exitCode: 2 } });
});

it('shows no number where there is no limit', async () => {
  const ran = await pt('competitions --profile albedo --offline');
  expect(ran.stdout).toMatch(/albedo\s+100%\s+no limit\s+no limit/);
});

it.each(['ws://user:secret-key-1@127.0.0.1:1', 'ws://127.0.0.1:1/?apikey=secret-key-1'])(
  'commands that only look work with a key in %s, and hide it',
  async (address) => {
    for (const line of ['config show', 'wallet list', 'doctor']) {
      const ran = await pt(line, { PT_NETWORK: address });
      expect(ran.code, ran.stderr).toBe(line === 'doctor' ? 3 : 0);
      expect(ran.stdout + ran.stderr).not.toContain('secret-key-1');
    }
    const typed = await pt(`status --network ${address}`);
    expect(typed.code).toBe(5);
    expect(typed.stderr).toContain(
      'pt doctor --network "$PT_NETWORK"   # PT_NETWORK: the address with its key',
    );
  },
);
