import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Ran, root, runPt } from '../commands/run-pt.ts';

/**
 * What each command really prints with --json, held to the files in schemas/ by a validator that is not ours. One story on one
 * sandbox: later commands use what earlier ones made.
 */
const files = readdirSync(join(root, 'schemas')).filter((file) => file.endsWith('.json'));
const ajv = new Ajv2020({ strict: false });
const schemas = new Map<string, ValidateFunction>(
  files.map((file) => [
    file.replace(/\.json$/, ''),
    ajv.compile(JSON.parse(readFileSync(join(root, 'schemas', file), 'utf8'))),
  ]),
);
const seen = new Set<string>();

let home: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'pt-schemas-'));
  const tiny = JSON.parse(readFileSync(join(root, 'constants/recipes/tiny.json'), 'utf8'));
  writeFileSync(join(home, 'short.json'), JSON.stringify({ ...tiny, steps_per_epoch: 2, eval_sequences: 4 }));
});
afterAll(async () => {
  await pt('sandbox stop');
  rmSync(home, { recursive: true, force: true });
});

const pt = (line: string): Promise<Ran> =>
  runPt([...line.split(' '), '--json'], {
    env: {
      PT_HOME: join(home, 'pt'),
      PT_NETWORK: 'sandbox',
      PT_RECIPE: join(home, 'short.json'),
      HOME: home,
    },
    cwd: home,
  });

/** Runs a command and holds its output to `schema`. */
async function holds(schema: string, line: string, code = 0): Promise<Record<string, unknown>> {
  const ran = await pt(line);
  expect(ran.code, `pt ${line}\n${ran.stderr}${ran.stdout}`).toBe(code);
  expect(ran.stdout.trim().split('\n'), line).toHaveLength(1);
  const validate = schemas.get(schema)!;
  expect(validate(ran.json()), `pt ${line}: ${ajv.errorsText(validate.errors)}\n${ran.stdout}`).toBe(true);
  seen.add(schema);
  return ran.json();
}

test('the whole job', async () => {
  await holds('sandbox-status', 'sandbox status');
  await holds('sandbox-start', 'sandbox start --detach');
  await holds('sandbox-status', 'sandbox status');
  await holds('sandbox-env', 'sandbox env');
  await holds('train', 'train --list-competitions');
  await holds('upload', 'upload --list-competitions');
  const trained = await holds('train', 'train');
  const best = String(trained.bestDir);
  await holds('runs', 'runs');
  await holds('runs-tag', 'runs tag latest first');
  await holds('runs-note', 'runs note latest line');
  await holds('logs', 'logs latest');
  await holds('attach', 'attach latest');
  await holds('stop', 'stop latest');
  await holds('report', 'report latest');
  await holds('check', `check ${best}`);
  await holds('upload', `upload --load-model-dir ${best} --hf-repo-id me/first --dry-run`);
  const published = await holds('upload', `upload --load-model-dir ${best} --hf-repo-id me/first`);
  await holds('runs', 'runs');
  await holds('check', `check me/first@${published.commit}`);
  await holds('load-best', 'load-best --dir best');
  await holds('load', `load --repo me/first@${published.commit} --dir again`);
  await holds('evaluate', `evaluate ${best} best`);
  await holds('evaluate', `evaluate ${best} --against best`);
  await holds('merge', 'merge best again --weights 0.5,0.5 --out merged --no-score');
  await holds('status', 'status');
  await holds('status', 'status --mine');
  await holds('status', 'status --html page.html');
  await holds('competitions', 'competitions');
  await holds('profiles', 'profiles');
  await holds('profiles-show', 'profiles show teutonic');
  await holds('doctor', 'doctor');
  await holds('config-show', 'config show');
  await holds('wallet-list', 'wallet list');
  await holds('wallet-show', 'wallet show');
  await holds('setup', 'setup --check');
  await holds('completion', 'completion bash');
  await holds('use', 'use 6.0');
  await holds('use', 'use --none');
  await holds('sandbox-env', 'sandbox env --unset');
}, 300_000);

test('a verdict of refusal, and a failure of every exit code that is at hand', async () => {
  writeFileSync(join(home, 'config.json'), '{}');
  await holds('check', `check ${home}`, 3);
  await holds('error', 'trian', 2);
  await holds('error', 'upload --load-model-dir best --hf-repo-id me/x --wallet-name nobody', 4);
  await holds('error', 'status --network ws://127.0.0.1:9', 5);
  await holds('error', 'train --max-steps 1 --data short.json', 7);
}, 120_000);

test('every schema was met by a real output', async () => {
  await holds('runs-prune', 'runs prune --failed --yes');
  await holds('runs-rm', 'runs rm latest --yes');
  await holds('clean', 'clean');
  await holds('sandbox-reset', 'sandbox reset');
  await holds('sandbox-start', 'sandbox start --detach --profile resi');
  await holds('sandbox-judge', 'sandbox judge');
  await holds('sandbox-stop', 'sandbox stop');
  // `pt dashboard` ends at Ctrl-C: dashboard.test.ts holds what it prints then.
  expect([...schemas.keys()].filter((schema) => !seen.has(schema))).toEqual(['dashboard']);
});
