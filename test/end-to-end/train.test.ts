import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createWallet } from '../../src/chain/index.ts';
import { readSandboxState, sandboxDir } from '../../src/sandbox/index.ts';
import { finishPt, startPt } from '../commands/run-pt.ts';
import { llamaConfig, withBuiltinTokenizer, writeModel } from '../model/support.ts';

let home: string;

const start = (...args: string[]) => startPt(home, ...args);
const run = (...args: string[]) => finishPt(home, ...args);

async function newestRun(): Promise<string> {
  const runs = join(home, 'pt', 'runs');
  const names = existsSync(runs) ? (await readdir(runs)).sort() : [];
  return join(runs, names.at(-1) ?? 'none');
}

/** Steps in metrics.jsonl, in the order they stand there. */
async function steps(dir: string): Promise<number[]> {
  const text = await readFile(join(dir, 'metrics.jsonl'), 'utf8').catch(() => '');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line))
    .filter((line) => 'loss' in line)
    .map((line) => line.step);
}

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 1200; tries++) {
    if (await condition()) return;
    await sleep(100);
  }
  throw new Error(`waited two minutes for ${what}`);
}

/** Processes whose command line names `text`. */
async function processesNaming(text: string): Promise<string[]> {
  const { stdout } = await execa('ps', ['-eo', 'pid=,args='], { reject: false });
  return stdout.split('\n').filter((line) => line.includes(text) && !line.includes('ps -eo'));
}

/** Another registered hotkey of the sandbox's wallet folder, by its wallet name. */
async function addHotkey(name: string): Promise<string> {
  const { chain, wallet } = readSandboxState(sandboxDir(join(home, 'pt')))!;
  const { ss58 } = await createWallet({ ...wallet, name });
  const socket = new WebSocket(chain);
  await new Promise((opened) => socket.addEventListener('open', opened, { once: true }));
  const answer = new Promise((heard) => socket.addEventListener('message', heard, { once: true }));
  socket.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'sandbox_register', params: [ss58] }));
  await answer;
  socket.close();
  return name;
}

const counting = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'pt-train-'));
});
afterAll(async () => {
  await start('sandbox', 'stop');
  await rm(home, { recursive: true, force: true });
});

describe('pt train', () => {
  it('Ctrl-C saves, kill -9 leaves no orphan, and --resume goes on with no step twice and none missing', async () => {
    const first = start(
      'train',
      '--offline',
      '--max-steps',
      '500',
      '--eval-every-steps',
      '1000',
      '--checkpoint-every-steps',
      '2',
    );
    await until('step 3', async () => (await steps(await newestRun())).length >= 3);
    const dir = await newestRun();
    first.kill('SIGINT');
    const stopped = await first;
    expect(stopped.exitCode, stopped.stderr).toBe(130);
    expect(JSON.parse(stopped.stdout).error).toMatchObject({
      code: 'cancelled',
      exitCode: 130,
      nextSteps: [`pt train --resume ${basename(dir)}`],
    });
    expect(JSON.parse(await readFile(join(dir, 'state.json'), 'utf8'))).toMatchObject({ state: 'cancelled' });
    const before = await steps(dir);
    expect(before).toEqual(counting(before.length));

    const second = start('train', '--resume', '--offline');
    await until('three more steps', async () => (await steps(dir)).length >= before.length + 3);
    second.kill('SIGKILL');
    await second;
    await until('the trainer to end with pt', async () => (await processesNaming(dir)).length === 0);
    const runs = await run('runs');
    expect(runs.json.runs[0]).toMatchObject({ dir, state: 'failed' });

    const total = (await steps(dir)).length + 2;
    const third = await run('train', '--resume', '--offline', '--max-steps', String(total));
    expect(third.exitCode, third.stderr).toBe(0);
    expect(third.json).toMatchObject({ runDir: dir, resumed: true, steps: total, published: null });
    expect(await steps(dir)).toEqual(counting(total));
    expect(await processesNaming(dir)).toEqual([]);
  }, 400_000);

  it('publishes under the threshold, keeps what is above it, and trains on from the best of the network', async () => {
    expect((await run('sandbox', 'start', '--detach')).exitCode).toBe(0);
    const publishing = ['--network', 'sandbox', '--hf-repo-id', 'me/first', '--max-steps', '2', '--yes'];
    const above = await run('train', ...publishing, '--avg-loss-upload-threshold', '0.5');
    expect(above).toMatchObject({ exitCode: 0, json: { published: null } });
    expect(above.stderr).toMatch(/Not published.*not under the threshold 0.5/);

    const under = await run('train', ...publishing, '--avg-loss-upload-threshold', '1000');
    expect(under.exitCode, under.stderr).toBe(0);
    expect(under.json.published).toMatchObject({ repo: 'me/first', public: true });

    const before = await readdir(join(home, 'pt', 'runs'));
    const large = await run(
      'train',
      ...publishing,
      '--avg-loss-upload-threshold',
      '1000',
      '--recipe',
      '772m',
    );
    expect(large).toMatchObject({ exitCode: 3, json: { error: { code: 'check.rejected' } } });
    expect(large.json.error.message).toMatch(/parameters: 7\d\d,\d{3},\d{3} parameters/);
    expect(await readdir(join(home, 'pt', 'runs'))).toEqual(before);

    const onward = await run(
      'train',
      '--network',
      'sandbox',
      '--load-best',
      '--load-uid',
      '7',
      '--max-steps',
      '2',
    );
    expect(onward.exitCode, onward.stderr).toBe(0);
    expect(onward.stderr).toMatch(/--load-best decides.*--load-uid is ignored/);
    const config = JSON.parse(await readFile(join(onward.json.runDir, 'run.json'), 'utf8'));
    expect(config.source).toMatchObject({ kind: 'model_dir', path: join(onward.json.runDir, 'source') });
    expect(onward.json.bestLoss).toBeLessThan(under.json.bestLoss + 0.5);
  }, 400_000);

  it.each([
    [['--device', 'tpu'], 2, 'device.unknown'],
    [['--recipe', 'huge'], 2, 'recipe.unknown'],
    [['--load-model-dir', 'nowhere'], 2, 'model.missing'],
    [['--load-model', 'x.bin'], 2, 'model.missing'],
    [['--data', './nothing.txt'], 2, 'data.missing'],
    [['--bs', '0'], 2, 'usage.batch_size'],
    [['--sl', '1025'], 2, 'usage.sequence_length'],
    [['--resume', 'nope'], 2, 'run.unknown'],
    [['--resume', '--lr', '0.1'], 2, 'run.fixed'],
    [['--load-best'], 2, 'offline.refused'],
  ])('names what is wrong with %j', async (flags, exitCode, code) => {
    const before = await readdir(join(home, 'pt', 'runs')).catch(() => []);
    const { json, exitCode: actual } = await run('train', '--offline', ...flags);
    expect({ code: json.error?.code, exitCode: actual }).toEqual({ code, exitCode });
    expect(json.error.nextSteps.length).toBeGreaterThan(0);
    expect(await readdir(join(home, 'pt', 'runs')).catch(() => [])).toEqual(before);
  });

  it('publishes during the run whatever would win, and not what would not', async () => {
    await start('sandbox', 'start', '--detach');
    // Weights whose sample outputs do not repeat, hardly moved: real training to that point takes minutes.
    const dir = withBuiltinTokenizer(
      writeModel(join(home, 'pattern'), llamaConfig({ num_hidden_layers: 2 })),
    );
    const condition = ['--hf-repo-id', 'me/winner', '--publish-when', 'p(win) > 0.9', '--yes'];
    const from = ['--load-model-dir', dir, '--lr', '1e-9', '--eval-every-steps', '2'];
    const args = ['train', '--network', 'sandbox', ...condition, ...from];
    const { exitCode, stderr, json } = await run(...args, '--max-steps', '4');
    expect(exitCode, stderr).toBe(0);
    expect(json.published).toMatchObject({ repo: 'me/winner', public: true });
    const committed = [...stderr.matchAll(/is on chain since block (\d+)/g)].map(([, block]) =>
      Number(block),
    );
    expect(committed.at(-1)).toBe(json.published.block);
    expect(existsSync(join(json.runDir, 'best.candidate'))).toBe(false);
    const status = await run('status', '--network', 'sandbox', '--mine');
    expect(status.json.neurons[0]).toMatchObject({ repo: 'me/winner', commit: json.published.commit });

    // From another hotkey's view, what is on chain is what has to be beaten.
    const other = await addHotkey('rival');
    const copy = await run(...args, '--max-steps', '2', '--wallet-name', other);
    expect(copy.exitCode, copy.stderr).toBe(0);
    expect(copy.json.published).toBeNull();
    expect(copy.stderr).toMatch(/p\(win\) is 0(\.00\d*)?;/);

    // What meets the condition is looked at once more, on text that no choice was made by.
    const any = args.map((word) => (word === 'p(win) > 0.9' ? 'p(win) >= 0' : word));
    const lucky = await run(...any, '--max-steps', '2', '--wallet-name', other);
    expect(lucky.exitCode, lucky.stderr).toBe(0);
    expect(lucky.stderr).toContain('no more text to confirm the forecast on');
  }, 400_000);
});
