import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runPt } from '../commands/run-pt.ts';

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'pt-resume-'));
});
afterAll(async () => {
  await pt('sandbox stop');
  await rm(home, { recursive: true, force: true });
});

async function pt(line: string, env: Record<string, string> = {}) {
  const ran = await runPt([...line.split(' '), '--json'], {
    cwd: home,
    env: { HOME: home, PT_HOME: join(home, 'pt'), ...env },
  });
  // biome-ignore lint/suspicious/noExplicitAny: each test says what it expects of the object
  return { exitCode: ran.code, stderr: ran.stderr, json: ran.json() as Record<string, any> };
}
// biome-ignore lint/suspicious/noExplicitAny: as above
const read = async (...path: string[]): Promise<any> => JSON.parse(await readFile(join(...path), 'utf8'));
const metrics = (dir: string) => readFile(join(dir, 'metrics.jsonl'), 'utf8');

describe('pt train --resume', () => {
  it('understands the same command line, says which run and step, and refuses by name what would make it another', async () => {
    const line =
      'train --offline --recipe tiny --data builtin --device cpu --lr 1e-3 --bs 4 --seed 0 --max-steps 2';
    const { json, exitCode, stderr } = await pt(`${line} --run job`);
    expect(exitCode, stderr).toBe(0);
    const again = await pt(`${line} --run job --resume --hf-repo-id me/a --dtype fp32`);
    expect(again.exitCode, again.stderr).toBe(0);
    expect(again.json).toMatchObject({
      runDir: json.runDir,
      resumed: true,
      steps: 2,
      bestLoss: json.bestLoss,
    });
    expect(again.stderr).toMatch(/Going on with run job\./);
    expect(again.stderr).toMatch(/--hf-repo-id, --dtype do nothing: this start is offline/);
    expect(again.stderr).toMatch(/Going on from step 2:/);

    const changed = await pt(
      'train --resume job --attention eager --train-dtype fp32 --wandb-entity me --max-steps 2',
    );
    expect(await read(json.runDir, 'run.json')).toMatchObject({
      attention: 'eager',
      dtype: 'fp32',
      wandb: { entity: 'me', project: null },
    });
    expect(changed.exitCode, changed.stderr).toBe(0);
    expect(changed.stderr).toContain('--attention eager instead of auto');

    // A tracker that is not there, asked for by mistake, and taken back.
    const mistaken = await pt('train --resume job --max-steps 2 --report-to wandb');
    expect(mistaken).toMatchObject({ exitCode: 7, json: { error: { code: 'trainer.missing_package' } } });
    const offline =
      '--report-to none --hub-endpoint http://127.0.0.1:9 --profile 6.0 --competition b14_model --max-steps 2';
    const undone = await pt(`train --resume job ${offline}`);
    expect(undone.exitCode, undone.stderr).toBe(0);
    expect(undone.stderr).toContain('--report-to none instead of wandb');
    expect(undone.stderr).toMatch(/--hub-endpoint is kept for a start that is online/);
    expect(undone.stderr).toMatch(/--competition b14_model is where its model would be published/);
    expect(await read(json.runDir, 'run.json')).toMatchObject({ report_to: [], hub_endpoint: null });
    expect(await read(json.runDir, 'settings.json')).toContainEqual(
      expect.objectContaining({ key: 'hub-endpoint', value: 'http://127.0.0.1:9' }),
    );
    const nowhere = await pt('train --resume job --competition nowhere');
    expect(nowhere).toMatchObject({
      exitCode: 2,
      json: { error: { message: expect.stringContaining('nowhere') } },
    });

    const before = await readFile(join(json.runDir, 'run.json'), 'utf8');
    const other = await pt('train --resume job --lr 0.1 --bs 4 --seed 3 --load-best');
    expect(other).toMatchObject({ exitCode: 2, json: { error: { code: 'run.fixed' } } });
    expect(other.json.error.message).toMatch(/--lr 0.1 \(it has 0.001\), --seed 3 \(it has 0\), --load-best/);
    expect(other.json.error.nextSteps[0]).toMatch(/^pt train --resume job /);
    expect(await readFile(join(json.runDir, 'run.json'), 'utf8')).toBe(before);
  }, 200_000);

  it('does not begin again unasked when nothing is left to go on from, and cuts nothing', async () => {
    const { json } = await pt('train --offline --recipe tiny --max-steps 2 --run damaged');
    const dir = json.runDir;
    for (const step of await readdir(join(dir, 'checkpoints')))
      await truncate(join(dir, 'checkpoints', step, 'trainer.json'), 3);
    const before = await metrics(dir);
    const refused = await pt('train --resume damaged --max-steps 3 --offline');
    expect(refused, refused.stderr).toMatchObject({
      exitCode: 7,
      json: { error: { code: 'run.no_checkpoint' } },
    });
    expect(refused.json.error.message).toMatch(/damaged has no whole checkpoint \(step-2: .*reached step 2/);
    expect(refused.json.error.nextSteps[0]).toBe(
      'pt train --resume damaged --from-start --max-steps 3 --offline',
    );
    expect(await metrics(dir)).toBe(before);

    await rm(join(dir, 'checkpoints'), { recursive: true });
    const never = await pt('train --resume damaged --max-steps 3');
    expect(never).toMatchObject({ exitCode: 2, json: { error: { code: 'run.no_checkpoint' } } });
    expect(await metrics(dir)).toBe(before);

    const asked = await pt('train --resume damaged --max-steps 3 --from-start');
    expect(asked.exitCode, asked.stderr).toBe(0);
    expect(asked.stderr).toContain('its best model so far is set aside as best.before-1');
    expect((await readdir(dir)).filter((name) => name.startsWith('best')).toSorted()).toEqual([
      ...['best', 'best.before-1', 'best.before-1.json', 'best.json'],
    ]);
    const further = await pt('train --resume damaged --max-steps 4 --from-start');
    expect(further.exitCode, further.stderr).toBe(0);
    expect(further.stderr).toContain('--from-start: step-3 is whole, so the run goes on from it');
    const steps = (await metrics(dir))
      .trim()
      .split('\n')
      .map((text) => JSON.parse(text))
      .filter((row) => 'loss' in row);
    expect(steps.map(({ step }) => step)).toEqual([1, 2, 3, 4]);
  }, 200_000);

  it('keeps what it was meant for; --offline gives the trainer no token and publishes nothing', async () => {
    expect((await pt('sandbox start --detach')).exitCode).toBe(0);
    const seen = join(home, 'seen.json');
    await writeFile(
      join(home, 'own.py'),
      `import json, os\njson.dump({name: os.environ.get(name) for name in ("HF_TOKEN", "WANDB_API_KEY")}, open(${JSON.stringify(seen)}, "w"))\nRECIPE = {"eval_sequences": 4}\n`,
    );
    const secrets = { WANDB_API_KEY: 'wandb-secret-of-nobody', HF_TOKEN: 'hf_secretofnobody' };
    const meant = '--network sandbox --hf-repo-id me/kept --avg-loss-upload-threshold 0.001 --yes';
    const first = await pt(`train --recipe own.py --device cpu --max-steps 2 --run meant ${meant}`, secrets);
    expect(first.exitCode, first.stderr).toBe(0);
    expect(first.json.published).toBeNull();
    expect((await read(seen)).WANDB_API_KEY).toBe(secrets.WANDB_API_KEY);

    const more = '--resume meant --avg-loss-upload-threshold 1000 --yes';
    const offline = await pt(`train ${more} --offline --max-steps 3`, secrets);
    expect(offline.exitCode, offline.stderr).toBe(0);
    expect(offline.json.published).toBeNull();
    expect(offline.stderr).toContain('Offline: nothing is published to me/kept this time.');
    expect(await read(seen)).toEqual({ HF_TOKEN: null, WANDB_API_KEY: null });
    expect(await read(first.json.runDir, 'run.json')).toMatchObject({
      offline: true,
    });

    const rehearsed = await pt(`train ${more} --dry-run --max-steps 3`);
    expect(rehearsed.exitCode, rehearsed.stderr).toBe(0);
    expect(rehearsed.stderr).toContain('Dry run: nothing is published to me/kept.');
    expect(rehearsed.json.published).toBeNull();

    // The next start is as the run was made: on its network, to its repository.
    const published = await pt(`train ${more} --max-steps 4`);
    expect(published.exitCode, published.stderr).toBe(0);
    expect(published.json.published).toMatchObject({ repo: 'me/kept' });
    expect(await read(first.json.runDir, 'run.json')).toMatchObject({ offline: false });
    expect((await read(first.json.runDir, 'state.json')).intent).toMatchObject({
      repo: 'me/kept',
      threshold: 1000,
    });
  }, 300_000);

  it('takes the trainer for what is best: the model that it began with is not, however low its loss', async () => {
    const { json } = await pt('train --offline --recipe tiny --max-steps 3');
    const worse = await pt(`train --offline --load-model-dir ${json.bestDir} --lr 3 --max-steps 2`);
    expect(worse.exitCode, worse.stderr).toBe(0);
    const best = await read(worse.json.runDir, 'best.json');
    const evaluated = (await metrics(worse.json.runDir))
      .trim()
      .split('\n')
      .map((text) => JSON.parse(text));
    const start = evaluated.find((row) => row.step === 0)!;
    expect(start.eval_loss).toBeLessThan(best.eval_loss);
    expect(worse.json.bestLoss).toBe(best.eval_loss);
    const runs = await pt('runs');
    expect(runs.json.runs.find(({ id }: { id: string }) => id === basename(worse.json.runDir)).bestLoss).toBe(
      best.eval_loss,
    );
    const page = await readFile(join(worse.json.runDir, 'report.html'), 'utf8');
    expect(page).toContain(`<p>Best held-out loss</p><strong>${best.eval_loss.toFixed(4)}</strong>`);
    expect(page).toContain(`at step ${best.step}`);
  }, 200_000);
});
