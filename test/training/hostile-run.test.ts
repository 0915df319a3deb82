import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readEvent } from '../../src/bridge/index.ts';
import { PtError } from '../../src/errors.ts';
import { runsOutput, runsSchema } from '../../src/output/runs.ts';
import { runPage } from '../../src/report/page.ts';
import { openRunReader } from '../../src/report/run-report.ts';
import { knownRuns } from '../../src/runs/known.ts';
import { publishIntent } from '../../src/training/publish-intent.ts';
import {
  type Given,
  goOn,
  keptFlags,
  openResumed,
  staysOffline,
  unfollowed,
} from '../../src/training/resume.ts';
import { makeRun } from '../report/make-run.ts';
import { attack, patience } from '../support/attack.ts';

/** A run's folder as a crash, an editor or another program left it: its files in part, or with anything anywhere. */

const home = mkdtempSync(join(tmpdir(), 'pt-hostile-run-'));
const runs = join(home, 'runs');
const dir = join(runs, 'one');
const FILES = [
  ...[
    'run.json',
    'state.json',
    'settings.json',
    'best.json',
    'metrics.jsonl',
    'events.jsonl',
    'forecast.json',
  ],
] as const;
const whole = new Map<string, string>();
beforeAll(async () => {
  await makeRun(dir, { steps: 30, evalEvery: 10 });
  await mkdir(join(dir, 'checkpoints', 'step-10'), { recursive: true });
  writeFileSync(join(dir, 'forecast.json'), '{}');
  for (const file of FILES) whole.set(file, readFileSync(join(dir, file), 'utf8'));
});
afterAll(() => rmSync(home, { recursive: true }));

const anything = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom<unknown>(
    ...[
      null,
      [],
      {},
      [null],
      { toString: 1, valueOf: 1 },
      '',
      '\u001b[31m\u202e',
      '***',
      -1,
      1e308,
      2 ** 53,
      true,
    ],
  ),
);

/** `text`, JSON or lines of it, with `value` at the place that `path` leads to. */
function altered(text: string, path: number[], value: unknown): string {
  const lines = text.trimEnd().split('\n');
  const at = path[0]! % lines.length;
  const root: { json: unknown } = { json: JSON.parse(lines[at]!) };
  let place: Record<string, unknown> = root;
  let key = 'json';
  for (const step of path.slice(1)) {
    const inner = place[key];
    if (typeof inner !== 'object' || inner === null) break;
    const keys = Object.keys(inner);
    if (keys.length === 0) break;
    place = inner as Record<string, unknown>;
    key = keys[step % keys.length]!;
  }
  place[key] = value;
  lines[at] = JSON.stringify(root.json);
  return lines.join('\n');
}

const damage = fc.oneof(
  fc.record({ how: fc.constant('bytes' as const), bytes: fc.uint8Array({ maxLength: 60 }) }),
  fc.record({ how: fc.constant('cut' as const), at: fc.nat() }),
  fc.record({ how: fc.constant('all' as const), value: anything }),
  ...Array.from({ length: 4 }, () =>
    fc.record({
      how: fc.constant('some' as const),
      path: fc.array(fc.nat(40), { minLength: 1, maxLength: 4 }),
      value: anything,
    }),
  ),
);
const damages = fc.uniqueArray(fc.tuple(fc.constantFrom(...FILES), damage), {
  minLength: 1,
  maxLength: 3,
  selector: ([file]) => file,
});

type Damage = typeof damage extends fc.Arbitrary<infer Value> ? Value : never;

function lay(broken: [string, Damage][]): void {
  for (const [file, text] of whole) writeFileSync(join(dir, file), text);
  for (const [file, harm] of broken) writeFileSync(join(dir, file), harmed(whole.get(file)!, harm));
}

function harmed(text: string, harm: Damage): string | Uint8Array {
  switch (harm.how) {
    case 'bytes':
      return harm.bytes;
    case 'cut':
      return text.slice(0, harm.at % text.length);
    case 'all':
      return JSON.stringify(harm.value);
    case 'some':
      return altered(text, harm.path, harm.value);
  }
}

const given: Given = {
  options: { lr: 1e-3, batchSize: 4, seed: 1 },
  start: { loadBest: true, loadUid: null, loadModelDir: null, loadModel: null, loadModelConfig: null },
  recipe: 'tiny',
  data: ['builtin'],
  cwd: '/',
  competition: '1',
  offline: false,
  hubEndpoint: null,
  defaultHubEndpoint: 'https://hub.example',
  duel: { against: null, data: [], sequences: null },
  reportTo: null,
  wandb: { entity: null, project: 'p' },
};
const nothing: Given = {
  ...given,
  ...{ options: {}, start: { ...given.start, loadBest: false }, recipe: null, data: [], competition: null },
};
const rows = [{ key: 'hub-endpoint', value: 'https://hub.example', origin: 'constants' }];

async function ours(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    expect(error, String((error as Error).stack)).toBeInstanceOf(PtError);
    expect((error as PtError).exitCode).not.toBe(1);
    expect((error as PtError).nextSteps.length).toBeGreaterThan(0);
  }
}

test(
  'is listed, gone on with and drawn, or refused by name',
  () =>
    attack(
      'files of a run',
      fc.asyncProperty(damages, async (broken) => {
        lay(broken);
        runsSchema.parse(runsOutput(await knownRuns(runs)));
        await ours(async () => {
          const report = await openRunReader(dir).read();
          for (const several of [[report], [report, report]]) runPage(several, { script: '', style: '' });
        });
        for (const asked of [given, nothing])
          await ours(async () => {
            const run = await openResumed(runs, { resume: 'one', run: null, several: false, home });
            keptFlags(run, {}, rows);
            staysOffline(run, rows);
            unfollowed(run, rows, '/');
            const flags = { repo: null, threshold: null, when: null, dtype: null };
            publishIntent(
              { ...flags, useHotkeyInHash: null, makePublic: null, fields: null },
              run.intent,
              { repo: null, threshold: null },
              false,
            );
            const { write } = await goOn(run, asked, { fromStart: false, rows });
            await write();
          });
      }),
      { short: 150 },
    ),
  patience(60_000),
);

test('a line of events.jsonl is an event or nothing', () =>
  attack(
    'events of the trainer',
    fc.property(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.json(),
        fc
          .tuple(fc.nat(), fc.array(fc.nat(40), { minLength: 1, maxLength: 3 }), anything)
          .map(([line, path, value]) =>
            altered(whole.get('events.jsonl')!.split('\n')[line % 3]!, [0, ...path], value),
          ),
      ),
      (line) => {
        const event = readEvent(line);
        if (event !== null) expect(typeof event.type).toBe('string');
      },
    ),
    { short: 500 },
  ));
