import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CheckRequest, checkTarget, parseTarget } from '../../src/check/index.ts';
import { checkOutput, checkSchema } from '../../src/output/check.ts';
import { openPlace, type Place } from '../../src/place.ts';
import { finish } from '../../src/progress.ts';
import { publish, type UploadOutcome } from '../../src/publish/index.ts';
import { resolveSettings } from '../../src/settings/index.ts';
import { jsonText } from '../../src/text/json-text.ts';
import { LLAMA_14B, llamaConfig, tempDir, writeModel, writeSparseModel } from '../model/support.ts';
import { makeModel, type Rig, startRig } from '../publish/support.ts';

const settingsFor = (flags: object) =>
  resolveSettings({
    flags: flags as Record<string, unknown>,
    env: { PT_HOME: tempDir() },
    cwd: tempDir(),
    home: tempDir(),
  });
const request = (target: CheckRequest['target'], changes: Partial<CheckRequest> = {}): CheckRequest => ({
  target,
  ...changes,
});
/** As `--json` prints it, and complete. */
const verdictOn = async (asked: CheckRequest, place: Place) =>
  checkSchema.parse(JSON.parse(jsonText(checkOutput(await finish(checkTarget(asked, place))))));
const check = (dir: string, place: Place, changes: Partial<CheckRequest> = {}) =>
  verdictOn(request({ kind: 'folder', dir }, changes), place);

describe('a folder, offline', () => {
  const placeFor = (flags: object, lookBack: number | null = null) =>
    openPlace(settingsFor({ offline: true, network: 'finney', ...flags }), { env: process.env, lookBack });

  it('is held against the newest rules of the schedule, which is said', async () => {
    const verdict = await check(writeModel(tempDir()), placeFor({}));
    expect(verdict).toMatchObject({
      accepted: true,
      profile: '3.2',
      block: 3_256_604,
      blockSource: 'schedule',
      release: '3.2.0',
      competitionId: null,
      architecture: 'LlamaForCausalLM',
      repo: null,
    });
    expect(verdict.contentHash).toMatch(/^[A-Za-z0-9+/]{43}=$/);
  });

  it('answers for any block and competition of the history', async () => {
    const dir = tempDir();
    writeSparseModel(dir, LLAMA_14B, 3);
    const at = (block: number, competition: string | null = null) =>
      check(dir, placeFor({ profile: 'history' }, block), { block, competition });
    expect(await at(5_200_000)).toMatchObject({
      accepted: true,
      competition: 'B14_MODEL (4)',
      blockSource: 'flag',
      contentHash: null,
    });
    expect(await at(3_760_000, '4')).toMatchObject({ accepted: true, competitionId: 4 });
    expect((await at(5_200_000, 'B3_MODEL')).findings.find((f) => f.rule === 'parameters')?.ok).toBe(false);
    const before = await at(3_000_000, '4');
    expect(before.findings.filter((f) => f.ok === false).map((f) => f.rule)).toEqual(['parameters', 'bytes']);
    const notYet = await at(3_601_190, '4');
    expect(notYet).toMatchObject({ accepted: false, competition: '4', competitionId: null });
    expect(notYet.findings[0]).toMatchObject({ rule: 'competition', ok: false });
    await expect(at(5_200_000, 'nonsense')).rejects.toMatchObject({
      code: 'competition.unknown',
      exitCode: 2,
    });
  });

  it("is held against the release's own competitions at every block", async () => {
    const dir = tempDir();
    writeSparseModel(dir, LLAMA_14B, 3);
    const place = placeFor({ profile: '6.0' });
    for (const block of [0, 3_000_000, 5_177_980, 5_177_981, 9_000_000]) {
      expect(await check(dir, place, { block })).toMatchObject({ accepted: true, competitionId: 4 });
      const old = await check(dir, place, { block, competition: '0' });
      expect(old).toMatchObject({ accepted: false, release: '6.0.4', competitionId: null });
      expect(old.findings[0]).toMatchObject({ rule: 'competition', ok: false });
    }
  });

  it('with a weight that is not finite is taken and never scored, said by its name, in any dtype', async () => {
    for (const value of [Number.NaN, Number.NEGATIVE_INFINITY, 3.4e38]) {
      const dir = writeModel(tempDir(), llamaConfig());
      const path = join(dir, 'model.safetensors');
      const bytes = readFileSync(path);
      bytes.writeFloatLE(value, bytes.length - 4);
      writeFileSync(path, bytes);
      const verdict = await check(dir, placeFor({}));
      expect(verdict).toMatchObject({ accepted: true, verdict: 'cannot_score' });
      const finding = verdict.findings.find(({ rule }) => rule === 'weights');
      expect(finding).toMatchObject({ ok: false, message: expect.stringContaining('lm_head.weight') });
    }
  });

  it('that is malformed is a verdict, not an error', async () => {
    const dir = writeModel(tempDir());
    writeFileSync(join(dir, 'model.safetensors'), 'not safetensors at all');
    const verdict = await check(dir, placeFor({}));
    expect(verdict.accepted).toBe(false);
    expect(verdict).toMatchObject({ parameters: null });
    expect(verdict.findings.filter((f) => f.verdict === 'refused').map((f) => f.rule)).toEqual([
      'safetensors',
    ]);
    expect(verdict.verdict).toBe('refused');
    const empty = await check(tempDir(), placeFor({}));
    expect(empty.accepted).toBe(false);
  });

  it('is told from a repository, and from nothing at all', async () => {
    const dir = tempDir();
    mkdirSync(join(dir, 'a'));
    expect(await parseTarget(dir)).toEqual({ kind: 'folder', dir });
    expect(await parseTarget('some/repo@main')).toEqual({
      kind: 'repo',
      repo: 'some/repo',
      revision: 'main',
    });
    for (const nothing of ['nowhere', '/no/such/folder', 'a/b/c'])
      await expect(parseTarget(nothing)).rejects.toMatchObject({ code: 'model.missing', exitCode: 2 });
    writeFileSync(join(dir, 'file'), '');
    await expect(parseTarget(join(dir, 'file'))).rejects.toMatchObject({ code: 'model.missing' });
  });
});

describe('with a chain and a Hub', () => {
  let rig: Rig & { dir: string };
  let place: Place;
  let published: UploadOutcome;

  beforeAll(async () => {
    rig = await startRig();
    published = await finish(publish(rig.request(), rig.place));
    place = openPlace(rig.settings, { env: process.env });
  });
  afterAll(async () => {
    await place?.close();
    await rig?.close();
  });

  const repo = (name: string, revision: string | null = null, at = place) =>
    verdictOn(request({ kind: 'repo', repo: name, revision }), at);

  it('a published revision is accepted and known as our own, without a download', async () => {
    const verdict = await repo('me/first', published.commit);
    expect(verdict.findings.filter((f) => f.ok === false)).toEqual([]);
    expect(verdict).toMatchObject({
      accepted: true,
      blockSource: 'chain',
      competition: 'SANDBOX (0)',
      repo: 'me/first',
      commit: published.commit,
      contentHash: published.contentHash,
      dtypes: ['BF16'],
    });
    expect(verdict.findings.find((f) => f.rule === 'duplicate')).toMatchObject({ ok: true });
    expect(await repo('me/first')).toMatchObject({ commit: published.commit });
  });

  it('is no copy of its own commitment, whoever asks', async () => {
    const stranger = { ...place, ownHotkeys: async () => new Set<string>() };
    const verdict = await repo('me/first', published.commit, stranger);
    expect(verdict).toMatchObject({ accepted: true, verdict: 'ready' });
    expect(verdict.findings.find((f) => f.rule === 'duplicate')).toMatchObject({
      ok: true,
      verdict: null,
      actual: [{ hotkey: published.hotkey, own: false, self: true }],
      message: expect.stringContaining('committed this very revision'),
    });
  });

  it('the same content from someone else is a copy that cannot win', async () => {
    const stranger = { ...place, ownHotkeys: async () => new Set<string>() };
    // The folder is in fp32; what lies on the Hub is its bf16.
    const copy = await check(rig.dir, stranger);
    expect(copy.contentHash).not.toBe(published.contentHash);
    expect(copy).toMatchObject({ accepted: true, verdict: 'cannot_score' });
    expect(copy.findings.find((f) => f.rule === 'duplicate')).toMatchObject({
      ok: false,
      verdict: 'cannot_score',
      actual: [{ hotkey: published.hotkey, own: false, self: false }],
    });
    const other = await makeModel(join(rig.home, 'other'), { seed: 99 });
    expect((await check(other, stranger)).accepted).toBe(true);
  });

  it('an unknown repository is an error, exit 5', async () => {
    await expect(repo('me/none')).rejects.toMatchObject({ code: 'hub.no_revision', exitCode: 5 });
  });

  it('a folder can be checked while the chain is away, which is said', async () => {
    const away: Place = {
      ...openPlace(settingsFor({ network: 'ws://127.0.0.1:9' }), { env: process.env }),
      ownHotkeys: async () => new Set(),
    };
    const notes: string[] = [];
    const verdict = await finish(checkTarget(request({ kind: 'folder', dir: rig.dir }), away), (e) => {
      if (e.kind === 'note') notes.push(e.message);
    });
    expect(verdict.blockSource).toBe('schedule');
    expect(notes.join()).toContain('No chain');
    await expect(
      finish(checkTarget(request({ kind: 'repo', repo: 'me/first', revision: null }), away)),
    ).rejects.toMatchObject({ exitCode: 5 });
  });

  it('counts what would be too large before anything is downloaded', async () => {
    const tight = structuredClone(place.schedule);
    tight.periods[0]!.competitions[0]!.max_bytes = 1000;
    tight.periods[0]!.competitions[0]!.allowed_architectures = ['GPT2LMHeadModel'];
    const verdict = await repo('me/first', published.commit, { ...place, schedule: tight });
    expect(verdict.findings.filter((f) => f.ok === false).map((f) => f.rule)).toEqual([
      'architecture',
      'bytes',
    ]);
  });
});
