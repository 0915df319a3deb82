import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { afterAll, describe, expect, it } from 'vitest';
import { cleanEnv, root } from '../commands/run-pt.ts';

const terminal = join(import.meta.dirname, '../support/close_terminal.py');
const home = mkdtempSync(join(tmpdir(), 'pt-long-'));
const env = cleanEnv({ HOME: home, PT_HOME: join(home, 'pt') });
const runsOf = (folder: string) => join(home, folder, 'runs');
const runDir = (name: string) => join(runsOf('pt'), name);
const stateOf = (name: string) => JSON.parse(readFileSync(join(runDir(name), 'state.json'), 'utf8'));
const train = (name: string, steps: number) => [
  ...[process.execPath, join(root, 'bin/run.js'), 'train', '--offline', '--device', 'cpu', '--run', name],
  ...['--max-steps', String(steps), '--eval-every-steps', '1000', '--checkpoint-every-steps', '1000'],
];
afterAll(() => rmSync(home, { recursive: true, force: true }));

async function until(what: string, condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 1200; tries++) {
    if (condition()) return;
    await sleep(100);
  }
  throw new Error(`waited two minutes for ${what}`);
}
const trains = (name: string) => () => {
  const metrics = join(runDir(name), 'metrics.jsonl');
  return existsSync(metrics) && readFileSync(metrics, 'utf8').includes('"step": 2,');
};

describe.skipIf(process.platform === 'win32')('a training whose terminal is closed', () => {
  const closes = async (name: string, command: string[]) => {
    const watched = join(runDir(name), 'metrics.jsonl');
    const { stdout } = await execa('python3', [terminal, watched, '"step": 2,', ...command], {
      cwd: home,
      extendEnv: false,
      env,
    });
    return stdout;
  };

  it('saves a checkpoint and leaves word of why it stopped', async () => {
    expect(await closes('plain', train('plain', 100_000))).toBe('True 130');
    expect(stateOf('plain')).toMatchObject({
      state: 'cancelled',
      error: { code: 'cancelled', message: 'The terminal was closed (SIGHUP).' },
    });
    expect(readdirSync(join(runDir('plain'), 'checkpoints'))).toHaveLength(1);
  }, 200_000);

  it('goes on to its end under nohup', async () => {
    expect(await closes('nohup', ['sh', '-c', `nohup ${train('nohup', 12).join(' ')}; :`])).toMatch(/^True/);
    await until('the end of the run', () => stateOf('nohup').state !== 'running');
    expect(stateOf('nohup')).toMatchObject({ state: 'done', error: null });
  }, 200_000);
});

const child = (name: string, extra: Record<string, string> = {}) => {
  const [file, ...args] = train(name, 100_000);
  return spawn(file!, args, { cwd: home, env: { ...env, ...extra }, stdio: ['ignore', 'pipe', 'pipe'] });
};

describe.skipIf(process.platform !== 'linux')('a training without a network', () => {
  it('hands no secret to any process that it starts, and keeps its folders private', async () => {
    const secrets = {
      ...{
        HF_TOKEN: 'hf_abcdefghijklmnop',
        HF_ACCESS_TOKEN: 'hf_qrstuvwxyzabcdef',
        WANDB_API_KEY: 'w4ndb-k3y-1234',
      },
      ...{
        BT_WALLET_PASSWORD: 'pass word #1',
        MY_SECRET: 'sesame-open',
        HTTPS_PROXY: 'http://me:pr0xy-pw@h:1',
      },
    };
    mkdirSync(runsOf('pt'), { recursive: true, mode: 0o755 });
    chmodSync(join(home, 'pt'), 0o755);
    const pt = child('secrets', secrets);
    const ended = new Promise((resolve) => pt.on('exit', resolve));
    await until('the first steps', trains('secrets'));
    const children = (await execa('ps', ['-eo', 'pid=,args='])).stdout
      .split('\n')
      .filter((line) => line.includes(runDir('secrets')) || line.includes(`${process.env.PT_PYTHON}`))
      .map((line) => line.trim().split(' ')[0]!)
      .filter((pid) => readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`PT_HOME=${home}`));
    expect(children.length).toBeGreaterThan(1);
    for (const pid of children) {
      const given = readFileSync(`/proc/${pid}/environ`, 'utf8');
      for (const [name, value] of Object.entries(secrets)) {
        expect(given).not.toContain(`${name}=`);
        expect(given).not.toContain(value);
      }
    }
    const modes = [join(home, 'pt'), runDir('secrets')].map((dir) => statSync(dir).mode & 0o777);
    expect(modes).toEqual([0o700, 0o700]);

    const other = child('secrets');
    const refused = await new Promise((resolve) => other.on('exit', resolve));
    expect(refused).toBe(2);
    rmSync(join(home, 'gone'), { recursive: true, force: true });
    renameSync(runDir('secrets'), join(home, 'gone'));
    let said = '';
    pt.stderr.on('data', (text) => {
      said += text;
    });
    expect(await ended).toBe(7);
    expect(said).toContain('[run.folder_gone]');
    expect(existsSync(runDir('secrets'))).toBe(false);
  }, 200_000);
});

it('goes on to its end when nobody reads what it says', async () => {
  const [file, ...args] = train('unread', 12);
  const child = spawn(file!, args, { cwd: home, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise((resolve) => child.on('exit', (code, signal) => resolve(signal ?? code)));
  await until('the first steps', trains('unread'));
  child.stdout.destroy();
  child.stderr.destroy();
  expect(await ended).toBe(0);
  expect(stateOf('unread').state).toBe('done');
}, 200_000);
