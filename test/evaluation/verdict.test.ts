import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConstants } from '../../src/constants.ts';
import {
  type Contestant,
  nothingScored,
  parseModelRef,
  verdictOf,
  whyLost,
} from '../../src/evaluation/index.ts';
import {
  lengthFor,
  seedAt,
  sequencesFor,
  shortOf,
  tasksOf,
  tokenizerFor,
} from '../../src/evaluation/plan.ts';
import type { ModelFacts } from '../../src/model/types.ts';
import { evaluateOutput, evaluateSchema } from '../../src/output/evaluate.ts';
import { competitionsAt, randomFrom } from '../../src/rules/index.ts';
import { tempDir } from '../model/support.ts';

const { profiles, schedules, tokenizers } = loadConstants();
const sandbox = competitionsAt(schedules['schedule.sandbox']!, 0)[0]!;
const b14 = competitionsAt(schedules.schedule!, 5_200_000).find((c) => c.id === 4)!;
const TASKS = [{ start: 0, end: 100, weight: 1 }];

function contestant(name: string, mean: number, changes: Partial<Contestant> = {}): Contestant {
  const random = randomFrom(7);
  const losses = Array.from({ length: 100 }, () => mean + (random() - 0.5) / 10);
  return {
    name,
    dir: `/${name}`,
    block: 100,
    uid: null,
    mine: true,
    loss: losses.reduce((a, b) => a + b) / 100,
    losses,
    reasonable: true,
    notFinite: 0,
    parameters: 1,
    error: null,
    ...changes,
  };
}
const rival = (mean: number, changes: Partial<Contestant> = {}) =>
  contestant('rival', mean, { mine: false, block: 50, uid: 3, ...changes });
/** What follows from these losses; what `--json` prints of it holds to its schema, so no NaN stands in it. */
function verdict(
  list: Contestant[],
  profile: '3.2' | '6.0' = '3.2',
  competition = sandbox,
  block = 100,
  tasks = TASKS,
) {
  const found = verdictOf(list, tasks, competition, profiles[profile], block);
  const sample = { batches: 100, sequenceLength: 8, tokenizer: 'builtin', data: ['builtin'], seed: 0 };
  const { matrix } = evaluateSchema.parse(evaluateOutput({ ...found, block, profile, competition, sample }));
  expect(matrix).toEqual(found.matrix);
  return found;
}

describe('the verdict', () => {
  it('of one model is its loss and nothing to win against', () => {
    const v = verdict([contestant('mine', 3)]);
    expect(v).toMatchObject({ winner: 'mine', pWin: null, advice: null, matrix: [[null]] });
    expect(v.models[0]!.winRate).toBeNull();
    expect(v.models[0]!.low).toBeLessThan(v.models[0]!.loss!);
    expect(v.sentence).toContain('--against');
  });

  it.each(['3.2', '6.0'] as const)('advises by the chance to win, profile %s', (name) => {
    expect(verdict([contestant('mine', 2.9), rival(3)], name)).toMatchObject({
      winner: 'mine',
      advice: 'publish',
      pWin: 1,
    });
    const behind = verdict([contestant('mine', 3), rival(3)], name);
    expect(behind).toMatchObject({
      winner: 'rival',
      advice: 'train',
      pWin: 0,
      epsilon: 0.005,
      decayedAtBlock: null,
    });
    expect(behind.lossToBeat).toBeCloseTo(behind.models[1]!.loss! * 0.995, 12);
    expect(behind.sentence).toMatch(/Train on/);
  });

  it('says to wait where only the head start stands in the way', () => {
    const v = verdict([contestant('mine', 2.99), rival(3)], '6.0', b14, 100);
    expect(v).toMatchObject({ advice: 'wait', pWin: 0, pWinLater: 1, decayedAtBlock: 50 + 14_400 });
    expect(v.lossToBeatLater).toBeGreaterThan(v.lossToBeat!);
    expect(v.sentence).toContain('Wait');
  });

  it('counts NaN, repetition and failure as lost, never as a number', () => {
    const nan = contestant('nan', 3, {
      loss: null,
      notFinite: 1,
      losses: new Array<number>(100).fill(Number.NaN),
    });
    const parrot = contestant('parrot', 1, { reasonable: false });
    const failed = contestant('failed', 1, { loss: null, losses: null, error: 'out of memory' });
    const v = verdict([nan, parrot, failed, rival(3)]);
    expect(v.winner).toBe('rival');
    // As in the reference, nothing is below NaN and nothing above it.
    expect(v.models.map((m) => m.winRate)).toEqual([0, 0, 0, 2 / 3]);
    expect(v).toMatchObject({
      advice: 'train',
      pWin: 0,
      sentence: expect.stringContaining('parrot repeats itself'),
    });
    const lost = verdict([nan, failed, rival(3)]);
    expect(lost.sentence).toMatch(/No model could be scored.*nan: 1 of its losses.*failed: out of memory/);
    expect(lost.sentence).not.toContain('rival:');
    expect(nothingScored(lost.models)).toBe(true);
    expect(nothingScored(v.models)).toBe(false);
    expect(nothingScored(verdict([rival(3)]).models)).toBe(false);
    // NaN text repeats itself as well, which is not what is wrong with it.
    const numb = verdict([{ ...nan, reasonable: false }, rival(3)]);
    expect(numb.sentence).not.toContain('repeats');
    expect(whyLost(numb.models[0]!)).toContain('NaN');
    expect(whyLost(parrot)).toContain('repeats itself');
    expect(whyLost(numb.models[1]!)).toBeNull();
    expect(verdict([nan])).toMatchObject({ winner: null });
    expect(verdict([rival(3)]).sentence).toBe('rival is itself what is to be beaten.');
  });

  it.each(['3.2', '6.0'] as const)('of nothing scored has no number, profile %s', (name) => {
    const lost = { loss: null, losses: null, reasonable: null, error: 'no such class' };
    const v = verdict([contestant('mine', 3, lost), rival(3, lost)], name, sandbox, 100, []);
    expect(v).toMatchObject({ winner: null, pWin: null, lossToBeat: null });
    expect(v.matrix.flat()).toEqual([null, null, null, null]);
  });

  it('lets the batches decide in 3.2 and the score in 6.0', () => {
    // Better on most batches, much worse on a few.
    const losses = Array.from({ length: 100 }, (_, i): number => (i < 80 ? 2.9 : 9));
    const mostly = contestant('mostly', 3, { losses, loss: losses.reduce((a, b) => a + b) / 100, block: 50 });
    const steady = contestant('steady', 3, {
      losses: new Array<number>(100).fill(3),
      loss: 3,
      block: 50,
      mine: false,
    });
    expect(verdict([mostly, steady], '3.2').winner).toBe('mostly');
    expect(verdict([mostly, steady], '6.0')).toMatchObject({ winner: 'steady' });
  });
});

describe('the plan', () => {
  const facts = (config: Record<string, unknown>) => ({ config }) as unknown as ModelFacts;

  it("takes the competition's text, what is asked for, or offline the built-in one", () => {
    const none = { data: [], pages: null, offline: false };
    expect(tasksOf(b14, none).map((t) => [t.name, t.weight, t.pages])).toEqual(
      b14.eval_tasks!.map((t) => [t.name, t.weight, t.dataset_kwargs.num_pages]),
    );
    expect(tasksOf(b14, { ...none, offline: true })).toEqual([
      { name: 'builtin', data: 'builtin', weight: 1, pages: 18, sequences: null, skip: 0 },
    ]);
    expect(tasksOf(b14, { ...none, data: ['a', 'b'], pages: 2 }).map((t) => [t.data, t.pages])).toEqual([
      ['a', 2],
      ['b', 2],
    ]);
  });

  it("takes as many sequences as asked, or as the profile's duel does unless pages are", () => {
    expect(sequencesFor(profiles.teutonic!, {})).toBe(10_000);
    expect(sequencesFor(profiles.teutonic!, { pages: 3 })).toBeNull();
    expect(sequencesFor(profiles.teutonic!, { sequences: 5 })).toBe(5);
    expect(sequencesFor(profiles['3.2'], {})).toBeNull();
  });

  it('says that a text holds fewer sequences than asked for', () => {
    const tasks = (sequences: number | null) =>
      tasksOf(b14, { data: ['a', 'b'], pages: 2, sequences, offline: true });
    expect(shortOf(tasks(50), 60)).toBe('The text holds 60 of 100 sequences; name more with --data.');
    expect([shortOf(tasks(50), 100), shortOf(tasks(null), 3)]).toEqual([null, null]);
  });

  it('uses a tokenizer and a length that every model can take', () => {
    const known = tokenizers['Xenova/gpt-4'];
    expect(tokenizerFor(b14, known, [facts({ vocab_size: 100_277 })])).toBe('Xenova/gpt-4');
    expect(
      tokenizerFor(b14, known, [facts({ vocab_size: 100_277 }), facts({ vocab_size: 4096 })]),
    ).toBeNull();
    expect(lengthFor(b14, null, [facts({ max_position_embeddings: 8192 })])).toBe(4096);
    expect(lengthFor(b14, null, [facts({ n_positions: 512 }), facts({})])).toBe(512);
    expect(() => lengthFor(b14, 1024, [facts({ n_positions: 512 })])).toThrow(
      expect.objectContaining({ code: 'evaluate.length' }),
    );
  });

  it('keeps one sample for 150 blocks', () => {
    expect(seedAt(3000)).toBe(seedAt(3149));
    expect(seedAt(3150)).not.toBe(seedAt(3149));
  });

  it('tells folders, uids, repositories and the best apart', () => {
    const dir = tempDir();
    expect(parseModelRef(dir)).toMatchObject({ kind: 'folder', dir });
    expect(parseModelRef('12')).toMatchObject({ kind: 'uid', uid: 12 });
    expect(parseModelRef('a/b')).toMatchObject({ kind: 'repo', repo: 'a/b', revision: null });
    expect(parseModelRef('best')).toMatchObject({ kind: 'best' });
    expect(parseModelRef('king')).toMatchObject({ kind: 'best', name: 'king' });
    expect(parseModelRef('uid 12')).toMatchObject({ kind: 'uid', uid: 12 });
    // A folder of that name here changes nothing.
    const before = process.cwd();
    mkdirSync(join(dir, 'king'));
    mkdirSync(join(dir, '12'));
    process.chdir(dir);
    try {
      expect(parseModelRef('king')).toMatchObject({ kind: 'best' });
      expect(parseModelRef('12')).toMatchObject({ kind: 'uid' });
      expect(parseModelRef('./king')).toMatchObject({ kind: 'folder', name: 'king' });
    } finally {
      process.chdir(before);
    }
    expect(parseModelRef('/no/such/folder')).toMatchObject({ kind: 'folder' });
  });
});
