/** A challenger that fights the king while it trains: published once, confirmed on fresh text; or ended when it is in vain. */
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Ran, root, runPt } from '../commands/run-pt.ts';

let home: string;
const pt = (args: string[], env: Record<string, string> = {}) =>
  runPt([...args, '--json'], {
    env: { PT_HOME: home, PT_NETWORK: 'sandbox', PT_DEVICE: 'cpu', ...env },
    cwd: home,
  });
const errorOf = (ran: Ran) => ran.json().error as { code: string; message: string; nextSteps: string[] };
const folder = (run: string) => join(home, 'runs', run);
/** Text that nothing is trained on, enough for the duel and for more. */
const text = join(root, 'docs');
const small = ['--data', 'builtin', '--bs', '2', '--sl', '128'];
const duel = ['--against', 'king', '--duel-data', text, '--duel-sequences', '24'];
const publish = ['--publish-when', 'p(win) > 0.95', '--yes'];
let repo: string[];

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'pt-e2e-duel-'));
  const sandbox = await pt(['sandbox', 'start', '--detach', '--profile', 'teutonic']);
  expect(sandbox.code, sandbox.stderr).toBe(0);
  const { hotkey, address } = sandbox.json() as { hotkey?: string; address?: string };
  const own = /\b5[1-9A-HJ-NP-Za-km-z]{47}\b/.exec(hotkey ?? address ?? sandbox.stderr)![0];
  repo = ['--hf-repo-id', `me/teutonic-${own.slice(0, 5)}${own.slice(-5)}`];
}, 120_000);
afterAll(async () => {
  await pt(['sandbox', 'stop']);
  await rm(home, { recursive: true, force: true });
});

it('says what scoring the king takes here, and downloads nothing for it', async () => {
  const args = ['evaluate', 'king', '--plan', '--sequences', '16', '--power', '0.9'];
  const ran = await pt([...args, '--gain', '0.5', '--spread', '0.1']);
  expect(ran.code, ran.stderr).toBe(0);
  const { models, seconds, power, ...machine } = ran.json();
  const [king] = models as Record<string, unknown>[];
  expect(king).toMatchObject({
    mine: true,
    fits: true,
    problem: null,
    speed: { from: 'bound', model: null },
  });
  expect(king!.weights).toBe(4 * (king!.parameters as number));
  expect(king!.memory).toBeGreaterThan(king!.weights as number);
  expect(king!.download).toBeGreaterThan(2 * (king!.parameters as number));
  expect(machine).toMatchObject({ plan: true, fitsOnDisk: true, download: king!.download });
  expect(machine).toMatchObject({ sample: { sequences: 16 } });
  expect(seconds).toBeGreaterThan(0);
  expect(power).toMatchObject({ gain: 0.5, spread: 0.1, sequences: 8 });
  expect(existsSync(join(home, 'models'))).toBe(false);
  const refused = await pt([...args, '--seed', '1']);
  expect(errorOf(refused).code).toBe('usage.bad_flags');
}, 120_000);

it('refuses what no duel can be, before anything is trained, and leaves no run', async () => {
  for (const [args, code] of [
    [['--against', 'king', '--profile', 'albedo'], 'usage.against'],
    [['--against', 'nowhere', '--duel-data', text], 'model.missing'],
    [['--duel-data', text], 'usage.lone_flag'],
    [[...duel.slice(0, 2), '--duel-data', 'builtin', ...repo, ...publish], 'usage.duel_data'],
    [
      [
        ...duel.slice(0, 2),
        '--duel-data',
        join(text, 'data.md'),
        '--duel-sequences',
        '1000',
        ...repo,
        ...publish,
      ],
      'usage.duel_data',
    ],
    // A name that validators refuse, and a text that nothing names, are not found out after hours.
    [[...duel, '--hf-repo-id', 'me/teutonic-x', ...publish], 'check.rejected'],
    [[...repo, ...publish], 'usage.publish_when'],
  ] as const) {
    const ran = await pt(['train', '--load-best', ...small, ...args]);
    expect(errorOf(ran).code, ran.stderr).toBe(code);
    expect(ran.code).toBe(code === 'check.rejected' ? 3 : 2);
    expect(errorOf(ran).nextSteps.length).toBeGreaterThan(0);
  }
  expect(await readdir(join(home, 'runs'))).toEqual([]);
}, 200_000);

it('publishes what wins, once, when text that no choice was made by says so too', async () => {
  const steps = ['--max-steps', '16', '--eval-every-steps', '8', '--lr', '3e-3', '--run', 'wins'];
  const dry = await pt([
    'train',
    '--load-best',
    ...small,
    ...steps,
    ...duel,
    ...repo,
    ...publish,
    '--dry-run',
  ]);
  expect(dry.json().published, dry.stderr).toBeNull();
  // As after a kill: the best model is there, and whoever goes on decides on it though nothing better comes.
  const ran = await pt(['train', '--resume', 'wins', '--yes']);
  expect(ran.code, ran.stderr).toBe(0);
  const { duel: stands, published, stoppedEarly } = ran.json() as Record<string, Record<string, unknown>>;
  expect(stands).toMatchObject({ step: 16, sequences: 24, more: 0 });
  expect(stands!.p).toBeGreaterThan(0.95);
  expect(stoppedEarly).toBeNull();
  expect(published).toMatchObject({ repo: repo[1] });
  expect(ran.stderr).toMatch(/Confirmed on 24 fresh sequences: p\(win\) is/);
  expect(ran.stderr).toContain('its one evaluation');
  expect(ran.stderr).toContain('published as they are, in BF16');
  expect(ran.stderr.match(/is on chain since block/g)).toHaveLength(1);
  const [run] = (await pt(['runs'])).json().runs as Record<string, unknown>[];
  expect(run).toMatchObject({ pWin: stands!.p, duel: stands });
  const lines = (await pt(['logs', 'wins'])).json().lines as { text: string }[];
  expect(lines.filter((line) => /against uid \d+ .*p\(win\)/.test(line.text))).toHaveLength(3);
  expect(lines.at(-1)?.text).toBeDefined();
  // The king was scored once, and what it takes is kept; the confirmation took the text after it.
  const king = JSON.parse(await readFile(join(folder('wins'), 'duel', 'king.json'), 'utf8'));
  expect(king).toMatchObject({ sequences: 24, reserved: 24, whole: true, trial: { by: 'mean' } });
  const forecast = JSON.parse(await readFile(join(folder('wins'), 'forecast.json'), 'utf8'));
  expect(forecast.evaluation.sample).toMatchObject({ batches: 24, seed: king.seed });
  expect(await readFile(join(folder('wins'), 'report.html'), 'utf8')).toContain('Duel with the king');
  // What it takes to score both is known from then on, by what was measured.
  const best = join(folder('wins'), 'best');
  const plan = (await pt(['evaluate', best, '--against', 'king', '--plan', '--power', '0.9'])).json();
  expect(plan).toMatchObject({ download: 0, models: [{ mine: true }, { mine: false }] });
  for (const { speed } of plan.models as { speed: object }[])
    expect(speed).toMatchObject({ from: 'measured', model: expect.any(String) });
  expect(plan.power).toMatchObject({
    gain: stands!.mean,
    sequences: 8,
    sentence: expect.stringMatching(/run wins/),
  });
  const other = await pt(['train', '--resume', 'wins', '--against', 'best']);
  expect(errorOf(other).code).toBe('run.fixed');
  // The hotkey is not scored again: neither the run that goes on, nor another one, nor an upload spends anything for it.
  const on = await pt(['train', '--resume', 'wins', '--max-steps', '17', '--yes']);
  expect(on.code, on.stderr).toBe(0);
  expect(on.json().published).toBeNull();
  expect(on.stderr).toMatch(/Nothing more of this run is published. .* score a hotkey once/);
  const anew = await pt(['train', '--load-best', ...small, ...duel, ...repo, ...publish]);
  expect(errorOf(anew).code).toBe('seal.spent');
  const upload = await pt(['upload', '--load-model-dir', best, '--hf-repo-id', `${repo[1]}-2`, '--yes']);
  expect(errorOf(upload).code).toBe('seal.spent');
}, 300_000);

it('ends in the background when the gain has flattened below what a win needs, and says so', async () => {
  const source = ['--load-best', ...small, '--schedule', 'constant', '--lr', '1e-9', '--run', 'vain'];
  const steps = ['--max-steps', '60', '--eval-every-steps', '2'];
  const started = await pt(['train', '--detach', ...source, ...steps, ...duel]);
  expect(started.code, started.stderr).toBe(0);
  const attached = await pt(['attach', 'vain']);
  expect(attached.stderr).toMatch(/Step \d+: against uid .*p\(win\)/);
  const state = JSON.parse(await readFile(join(folder('vain'), 'state.json'), 'utf8'));
  expect(state).toMatchObject({ state: 'done', error: null });
  expect(state.stopped_early).toMatch(/has flattened at .* nats a token/);
  const runs = (await pt(['runs'])).json().runs as { id: string; state: string; steps: number }[];
  const run = runs.find(({ id }) => id === 'vain')!;
  expect(run.state).toBe('done');
  expect(run.steps).toBeLessThan(60);
  // Its last checkpoint is there to go on from.
  expect(existsSync(join(folder('vain'), 'checkpoints', `step-${run.steps}`))).toBe(true);
}, 300_000);
