import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readManifest } from '../../src/manifest.ts';
import {
  givenOptions,
  KNOBS,
  type KnobName,
  knobs,
  OTHER_FLAGS,
  withDefaults,
} from '../../src/training/knobs.ts';
import { type IntentFlags, idlePublishFlags, publishIntent } from '../../src/training/publish-intent.ts';
import {
  type Given,
  goOn,
  keptFlags,
  openResumed,
  retargeted,
  staysOffline,
  unfollowed,
} from '../../src/training/resume.ts';
import { createRun, runConfig, writeRun } from '../../src/training/run-folder.ts';
import { RUN_SCHEMA } from '../../src/training/run-schema.ts';
import { trackersOf } from '../../src/training/trackers.ts';
import type { PublishIntent, RunRequest } from '../../src/training/types.ts';
import { root } from '../commands/run-pt.ts';

const nothing: Given = {
  options: {},
  start: { loadBest: false, loadUid: null, loadModelDir: null, loadModel: null, loadModelConfig: null },
  recipe: null,
  data: [],
  cwd: '/',
  competition: null,
  offline: null,
  hubEndpoint: null,
  defaultHubEndpoint: null,
  duel: { against: null, data: [], sequences: null },
  reportTo: null,
  wandb: { entity: null, project: null },
};
const request: RunRequest = {
  source: { kind: 'recipe', path: null, config: null },
  recipe: { name: 'tiny', batch_size: 8, optimizer: { name: 'muon' } },
  recipeFile: null,
  competition: null,
  keepsFiles: false,
  data: [{ name: 'builtin', weight: 1 }],
  options: withDefaults({}),
  offline: false,
  hubEndpoint: 'https://hub.example',
  duel: { against: null, data: [], sequences: null },
  reportTo: ['tensorboard'],
  wandb: { entity: null, project: null },
};
const setting = (key: string, value: unknown, origin: string) => ({ key, value, origin });
const intent: PublishIntent = { repo: 'me/a', threshold: 3, when: null, dtype: 'bf16' };

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'pt-resume-'));
});
afterEach(() => rm(home, { recursive: true, force: true }));

async function made(
  changes: Partial<RunRequest> = {},
  settings: unknown = [],
  meant: PublishIntent | null = null,
) {
  const dir = await createRun(join(home, 'runs'));
  await writeRun(dir, { ...request, ...changes }, settings, meant);
  await writeFile(
    join(dir, 'state.json'),
    JSON.stringify({ ...JSON.parse(await readFile(join(dir, 'state.json'), 'utf8')), state: 'done' }),
  );
  await mkdir(join(dir, 'checkpoints', 'step-4'), { recursive: true });
  return openResumed(join(home, 'runs'), { resume: dir, run: null, several: false, home });
}
const calm = { fromStart: false, rows: [] };
const attempt = async (run: Awaited<ReturnType<typeof made>>, given: Partial<Given>) =>
  goOn(run, { ...nothing, ...given }, calm);

const models = mkdtempSync(join(tmpdir(), 'pt-teachers-'));
afterAll(() => rm(models, { recursive: true, force: true }));

function modelFolder(name: string): string {
  mkdirSync(join(models, name));
  writeFileSync(join(models, name, 'config.json'), '{}');
  return join(models, name);
}

/** A value that a knob may have, for every knob. */
const VALUES: { [Name in KnobName]: fc.Arbitrary<string | number | boolean | string[]> } = {
  textColumn: fc.constantFrom('text', 'body'),
  skipBadRows: fc.integer({ min: 0, max: 9 }),
  device: fc.constantFrom('auto', 'cpu', 'cuda:1'),
  epochs: fc.integer({ min: -1, max: 9 }),
  tokens: fc.constantFrom('1000', '500M', '2.4B'),
  maxSteps: fc.integer({ min: 1, max: 99 }),
  maxMinutes: fc.constantFrom(0.5, 3),
  batchSize: fc.constantFrom('1', '4', 'auto'),
  sequenceLength: fc.integer({ min: 2, max: 99 }),
  accumulationSteps: fc.integer({ min: 1, max: 9 }),
  lr: fc.constantFrom('0.001', '2.5', 'auto'),
  pagesPerEpoch: fc.integer({ min: 1, max: 9 }),
  optimizer: fc.constantFrom('adamw', 'muon'),
  schedule: fc.constantFrom('constant', 'cosine', 'wsd'),
  freeze: fc.constantFrom(['embed_tokens'], ['layers.0', '*.mlp']),
  teacher: fc.constantFrom(...['a', 'b'].map((name) => modelFolder(name))),
  teacherWeight: fc.constantFrom(0.25, 1),
  loraRank: fc.integer({ min: 1, max: 9 }),
  loraAlpha: fc.constantFrom(8, 16.5),
  loraTargets: fc.constantFrom(['q_proj'], ['mlp', 'layers.1']),
  seed: fc.integer({ min: 0, max: 9 }),
  dtype: fc.constantFrom('auto', 'bf16', 'fp32'),
  attention: fc.constantFrom('auto', 'sdpa', 'eager'),
  compile: fc.boolean(),
  deterministic: fc.boolean(),
  ignoreEstimate: fc.boolean(),
  evalEverySteps: fc.integer({ min: 1, max: 9 }),
  evalEveryMinutes: fc.constantFrom(0.5, 30),
  checkpointEverySteps: fc.integer({ min: 1, max: 9 }),
  checkpointEveryMinutes: fc.constantFrom(0.5, 30),
  checkpointsKept: fc.integer({ min: 2, max: 9 }),
  samples: fc.integer({ min: 0, max: 9 }),
};
/** Any subset of the knobs, as flags. */
const someFlags = fc
  .record(VALUES, { requiredKeys: [] })
  .map((values) =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [KNOBS[name as KnobName].flag, value])),
  );

describe('the table of knobs', () => {
  it('has one answer for every flag of pt train on --resume', () => {
    const flags = Object.keys(readManifest(root).train!.flags).filter((flag) => flag !== 'help');
    const answered = [...knobs.map(([, { flag }]) => flag), ...Object.values(OTHER_FLAGS).flat()];
    expect(answered.toSorted()).toEqual(flags.toSorted());
    expect(new Set(answered).size).toBe(answered.length);
  });

  it('makes a run.json that its schema takes, and that gives every knob back', () => {
    fc.assert(
      fc.property(someFlags, (flags) => {
        const options = withDefaults(givenOptions(flags));
        const config = runConfig('/run', { ...request, options }, false);
        expect(RUN_SCHEMA.parse(config)).toEqual(config);
        for (const [name, { key }] of knobs) expect(config[key]).toEqual(options[name]);
      }),
    );
    expect(() => RUN_SCHEMA.parse({ ...runConfig('/run', request, false), more: 1 })).toThrow();
  });
});

describe('resume', () => {
  it('takes what agrees, changes what may change, and refuses the rest by name, whatever is given', async () => {
    await fc.assert(
      fc.asyncProperty(someFlags, someFlags, async (before, now) => {
        const options = withDefaults(givenOptions(before));
        const run = await made({ options });
        const given = givenOptions(now);
        const outcome = await attempt(run, { options: given }).catch((error) => error);
        const refused = knobs.filter(([name, { resume, recipe, key }]) => {
          const has = options[name] ?? (recipe ? (request.recipe as Record<string, unknown>)[key] : null);
          const inRecipe = name === 'optimizer' && options.optimizer === null ? 'muon' : has;
          return resume === 'fixed' && given[name] !== undefined && !isDeepStrictEqual(given[name], inRecipe);
        });
        if (refused.length > 0) {
          expect(outcome).toMatchObject({ code: 'run.fixed', exitCode: 2 });
          for (const [name, { flag }] of refused) {
            const typed = [given[name]].flat().map((value) => `--${flag} ${value}`);
            expect(outcome.message).toContain(`${typed.join(' ')} (it has `);
          }
          expect(outcome.message.match(/\(it has/g)).toHaveLength(refused.length);
          return;
        }
        for (const [name, { key }] of knobs) {
          const kept = given[name] === undefined || KNOBS[name].resume === 'fixed';
          expect(outcome.config[key]).toEqual(kept ? options[name] : given[name]);
        }
        expect(RUN_SCHEMA.parse(outcome.config)).toMatchObject({ resume: true, from_start: false });
        // The same command line again has nothing to change.
        const same = await attempt({ ...run, config: outcome.config }, { options: given });
        expect(same.changes).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  it('refuses another start, recipe, data and competition, and takes the same', async () => {
    const data = join(home, 'text.txt');
    await writeFile(data, 'text');
    await writeFile(join(home, 'own.json'), '{"batch_size": 3}');
    const start = (changes: Partial<Given['start']>) => ({ start: { ...nothing.start, ...changes } });
    const unnamed = { id: null, name: null } as unknown as RunRequest['competition'];
    expect(
      (await attempt(await made({ competition: unnamed }), { competition: '0' })).changes,
      'a single competition without a name, as a new run understands it',
    ).toEqual([]);
    const run = await made({
      source: { kind: 'model_dir', path: '/models/a', config: null },
      data: [{ name: data, weight: 2 }],
      recipe: { name: 'own', batch_size: 3 },
      competition: { id: 'B7', name: 'seven' } as unknown as RunRequest['competition'],
    });
    const agreeing: Partial<Given>[] = [
      start({ loadModelDir: '/models/a' }),
      { data: [`${data}:2`] },
      { recipe: join(home, 'own.json') },
      { competition: 'B7' },
      { competition: 'seven' },
      { competition: 'Seven' },
    ];
    for (const given of agreeing) expect((await attempt(run, given)).changes).toEqual([]);
    const refused: [string, Partial<Given>][] = [
      ['--load-best', start({ loadBest: true })],
      ['--load-uid', start({ loadUid: 7 })],
      ['--load-model-dir', start({ loadModelDir: '/models/b' })],
      ['--load-model', start({ loadModel: '/models/a/model.safetensors' })],
      ['--load-model-config', start({ loadModelConfig: '/x.json' })],
      ['--data', { data: [data] }],
      ['--recipe', { recipe: 'tiny' }],
      ['--recipe', { recipe: 'own.py' }],
      ['--recipe', { recipe: join(home, 'gone.json') }],
      ['--competition', { competition: 'other' }],
    ];
    for (const [flag, given] of refused)
      await expect(attempt(run, given)).rejects.toThrow(new RegExp(`cannot go on with ${flag} `));
  });

  it('changes where it is watched and what it may connect to', async () => {
    const run = await made();
    const { config } = await attempt(run, {
      offline: true,
      reportTo: ['trackio'],
      wandb: { entity: 'me', project: null },
    });
    expect(config).toMatchObject({
      offline: true,
      report_to: ['trackio'],
      wandb: { entity: 'me', project: null },
    });
    const watched = await attempt(run, { reportTo: trackersOf(['none']) });
    expect(watched.config).toMatchObject({ report_to: [] });
    expect(watched.changes).toEqual(['--report-to none instead of tensorboard']);
    expect(trackersOf(['wandb', 'wandb', 'trackio'])).toEqual(['wandb', 'trackio']);
    expect(() => trackersOf(['none', 'wandb'])).toThrow(/--report-to none, wandb: none goes with no other/);
    const wandb = await attempt(run, { wandb: { entity: null, project: 'p' } });
    expect(wandb.config).toMatchObject({ report_to: ['tensorboard', 'wandb'], wandb: { project: 'p' } });
    const kept = await attempt(run, {});
    expect(kept.config).toEqual({ ...run.config, resume: true, from_start: false });
  });

  it('is about the run that --run names, and no other', async () => {
    const dir = await createRun(join(home, 'runs'), 'job');
    await writeRun(dir, request, [], null);
    await createRun(join(home, 'runs'), 'job-2').then((other) => writeRun(other, request, [], null));
    const find = (resume: string | null, run: string | null) =>
      openResumed(join(home, 'runs'), { resume, run, several: true, home });
    expect(basename((await find(null, 'job')).runDir)).toBe('job');
    expect(basename((await find('job', 'job')).runDir)).toBe('job');
    await expect(find('job-2', 'job')).rejects.toMatchObject({ code: 'run.fixed' });
  });

  it('does not begin a run again unasked', async () => {
    const run = await made();
    await rm(join(run.runDir, 'checkpoints', 'step-4'), { recursive: true });
    await writeFile(join(run.runDir, 'metrics.jsonl'), '{"step": 3, "loss": 1}\n');
    await expect(attempt(run, {})).rejects.toMatchObject({
      code: 'run.no_checkpoint',
      message: expect.stringContaining(`${basename(run.runDir)} has no checkpoint; it had reached step 3`),
      nextSteps: [`pt train --resume ${basename(run.runDir)} --from-start`],
    });
    const again = await goOn(run, nothing, { fromStart: true, rows: [] });
    expect(again.config).toMatchObject({ resume: true, from_start: true });
  });
});

describe('what a run was meant for', () => {
  it('keeps the network and wallet that were chosen for it, unless a flag says otherwise', async () => {
    const run = await made({}, [
      setting('network', 'sandbox', 'flag --network'),
      setting('netuid', 9, 'constants'),
      setting('wallet-name', 'miner', '/x/.env:3'),
      setting('profile', '3.2', 'default'),
      setting('wallet-hotkey', 'hk', 'sandbox'),
    ]);
    expect(keptFlags(run, {})).toEqual({ network: 'sandbox', 'wallet-name': 'miner' });
    expect(keptFlags(run, { network: 'test' })).toEqual({ 'wallet-name': 'miner' });
  });

  it('keeps its Hub, as long as nothing now says another', async () => {
    const run = await made({}, [setting('hub-endpoint', 'https://hub.example', 'environment HF_ENDPOINT')]);
    const now = (origin: string) => [setting('hub-endpoint', 'https://other.example', origin)];
    expect(keptFlags(run, {}, now('constants'))).toEqual({ 'hub-endpoint': 'https://hub.example' });
    for (const origin of ['environment HF_ENDPOINT', 'sandbox'])
      expect(keptFlags(run, {}, now(origin))).toEqual({});
    expect(keptFlags(run, { 'hub-endpoint': 'https://x.example' }, now('constants'))).toEqual({});
  });

  it('goes to no endpoint without the key that it was made with', async () => {
    const key = 'aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY';
    const hub = `https://hub.example/v1/${key}`;
    const run = await made({ hubEndpoint: hub }, [
      setting('network', 'wss://node.example/***', 'flag --network'),
      setting('hub-endpoint', 'https://hub.example/v1/***', 'flag --hub-endpoint'),
    ]);
    const now = (network: string) => [
      setting('network', network, 'environment PT_NETWORK'),
      setting('hub-endpoint', 'https://other.example', 'constants'),
    ];
    expect(() => keptFlags(run, {}, now('wss://other.example/***'))).toThrow(
      expect.objectContaining({ code: 'run.key', message: expect.stringContaining('--network') }),
    );
    expect(keptFlags(run, {}, now('wss://node.example/***'))).toEqual({ 'hub-endpoint': hub });
    expect(keptFlags(run, { network: 'test' }, now('finney'))).toEqual({ 'hub-endpoint': hub });
  });

  it('stays offline as it was made; a flag or a standing setting decides for this start', async () => {
    const offline = await made({ offline: true }, [setting('offline', true, 'flag --offline')]);
    const online = await made({ offline: true }, [setting('offline', null, 'not set')]);
    const unsaid = [setting('offline', null, 'not set')];
    const said = (value: boolean, origin: string) => [setting('offline', value, origin)];
    expect(staysOffline(offline, unsaid)).toBe(true);
    expect(staysOffline(offline, said(false, 'environment PT_OFFLINE'))).toBe(false);
    // Its run.json may still say so: the start before this one was offline.
    expect(staysOffline(online, unsaid)).toBe(false);
    expect(staysOffline(online, said(true, 'flag --offline'))).toBe(true);
  });

  it('says where, as whom and what it now publishes in place of what it was meant for', async () => {
    const meant = [setting('netuid', 9, 'default'), setting('wallet-path', '/a', 'flag --wallet-path')];
    const run = await made({}, meant, intent);
    const given = [
      setting('netuid', 77, 'flag --netuid'),
      setting('wallet-path', '/a', 'flag --wallet-path'),
    ];
    const other = { ...intent, repo: 'me/b', when: { pWin: 0.9, orEqual: false } };
    expect(retargeted(run, given, other)).toEqual([
      '--netuid 77 instead of 9',
      '--hf-repo-id me/b instead of me/a',
      expect.stringMatching(/^--publish-when p\(win\) > .* instead of none of its own$/),
    ]);
    expect(retargeted(run, [setting('netuid', 77, 'environment PT_NETUID')], intent)).toEqual([]);
    expect(retargeted(run, meant, intent)).toEqual([]);
  });

  it('says which standing settings it does not follow', async () => {
    const run = await made({}, [setting('network', 'test', 'flag --network')], intent);
    const rows = [
      setting('recipe', '772m', 'environment PT_RECIPE'),
      setting('network', 'finney', 'default'),
      setting('hf-repo-id', 'me/b', '/x/.env:1'),
      setting('avg-loss-upload-threshold', 3, '/x/.env:2'),
      setting('wandb-project', 'p', 'flag --wandb-project'),
    ];
    const told = unfollowed(run, rows, home);
    expect(told).toHaveLength(2);
    expect(told[0]).toMatch(/recipe 772m \(environment PT_RECIPE\).*keeps tiny/);
    expect(told[1]).toMatch(/hf-repo-id me\/b .*keeps me\/a/);
  });

  it('publishes as it was meant; flags change it piece by piece; offline nothing', () => {
    const none = {
      repo: null,
      threshold: null,
      when: null,
      dtype: null,
      useHotkeyInHash: null,
      makePublic: null,
      fields: null,
    };
    const standing = { repo: 'me/standing', threshold: 9 };
    const kept = { ...intent, useHotkeyInHash: true, makePublic: false, fields: ['track=a'] };
    expect(publishIntent(none, kept, standing, false)).toEqual(kept);
    expect(publishIntent({ ...none, threshold: 2 }, kept, standing, false)).toEqual({
      ...kept,
      threshold: 2,
    });
    expect(
      publishIntent({ ...none, when: 'p(win) > 0.9', dtype: 'fp32' }, kept, standing, false),
    ).toMatchObject({
      repo: 'me/a',
      threshold: 3,
      when: { pWin: 0.9 },
      dtype: 'fp32',
    });
    expect(publishIntent({ ...none, fields: ['track=b'] }, kept, standing, false)).toEqual({
      ...kept,
      fields: ['track=b'],
    });
    expect(publishIntent(none, null, standing, false)).toMatchObject({ repo: 'me/standing', threshold: 9 });
    expect(publishIntent(none, kept, standing, true)).toBeNull();
    expect(() => publishIntent({ ...none, when: 'p(win) > 0.9' }, kept, standing, true)).toThrow(/offline/);
  });

  it('names the publishing flags that were given where nothing is published, and what is missing', () => {
    const idle = (
      given: Record<string, unknown>,
      {
        kept = null,
        standing = { repo: null, threshold: null },
        offline = false,
      }: {
        kept?: PublishIntent | null;
        standing?: { repo: string | null; threshold: number | null };
        offline?: boolean;
      } = {},
    ) => {
      const flags = {
        repo: given['hf-repo-id'] ?? null,
        threshold: given['avg-loss-upload-threshold'] ?? null,
        when: null,
        dtype: null,
        useHotkeyInHash: null,
        makePublic: null,
        fields: null,
      } as IntentFlags;
      const said = idlePublishFlags(given, flags, kept, standing, offline);
      // One rule: where nothing is published, whatever was given is named; where it is, nothing is.
      if (Object.keys(given).some((flag) => flag !== 'lr'))
        expect(said === null).toBe(publishIntent(flags, kept, standing, offline) !== null);
      return said;
    };
    const repo = { 'hf-repo-id': 'me/a' };
    const rest = {
      dtype: 'fp32',
      'upload-b16': false,
      'use-hotkey-in-hash': true,
      'update-repo-visibility': false,
    };
    expect(idle(repo)).toBe(
      '--hf-repo-id does nothing: without --avg-loss-upload-threshold or --publish-when nothing is published.',
    );
    expect(idle({ 'avg-loss-upload-threshold': 0 })).toMatch(
      /^--avg-.*-threshold does .*: without --hf-repo-id /,
    );
    expect(idle(rest)).toMatch(
      /^--dtype, --no-upload-b16, --use-hotkey-in-hash, --no-update-repo-visibility do nothing: without --hf-repo-id and /,
    );
    expect(idle({ ...repo, ...rest }, { offline: true, kept: intent })).toMatch(
      /^--hf-repo-id, --dtype, .* do nothing: this start is offline, and nothing is published\.$/,
    );
    expect(idle(rest, { kept: intent })).toBeNull();
    expect(idle(repo, { standing: { repo: null, threshold: 3 } })).toBeNull();
    // Standing settings alone were not given with this start.
    expect(idle({}, { standing: { repo: 'me/a', threshold: null } })).toBeNull();
    expect(idle({ lr: 1 }, { offline: true, standing: { repo: 'me/a', threshold: 3 } })).toBeNull();
  });
});
