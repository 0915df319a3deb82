import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadConstants } from '../../src/constants.ts';
import * as rules from '../../src/rules/index.ts';

const { profiles, schedules, releases } = loadConstants();
const main = schedules.schedule!;
const [old, late] = [profiles['3.2'], profiles['6.0']];

describe('schedule', () => {
  it('has a period for every block, the same up to the next one', () => {
    fc.assert(
      fc.property(fc.nat(8_000_000), (block) => {
        const now = rules.periodAt(main, block);
        expect(now.from_block).toBeLessThanOrEqual(block);
        const next = rules.nextPeriod(main, block);
        if (next) {
          expect(next.from_block).toBeGreaterThan(block);
          expect(rules.periodAt(main, next.from_block - 1)).toBe(now);
        }
      }),
    );
  });

  it('gives a profile without competition ids the last rules that needed none', () => {
    for (const block of [3_545_067, 3_601_190, 5_200_000, 9_000_000]) {
      const [only, ...others] = rules.competitionsAt(main, block, old);
      expect(others).toEqual([]);
      expect(only).toMatchObject({ id: null, min_model_parameters: 0, max_model_parameters: 6_900_000_000 });
    }
    expect(rules.competitionsAt(main, 5_200_000, late).map((c) => c.id)).toEqual([6, 2, 4]);
    expect(rules.nextPeriod(main, 3_400_000, old)).toBeNull();
    expect(rules.newestPeriod(main, old).from_block).toBe(3_307_004);
    expect(rules.newestPeriod(main, late).from_block).toBe(5_186_698);
  });

  it('has a sandbox that both profiles can use', () => {
    for (const profile of [old, late])
      expect(rules.competitionsAt(schedules['schedule.sandbox']!, 123, profile)[0]).toMatchObject({
        id: 0,
        default_recipe: 'tiny',
      });
  });

  it.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('refuses block %d', (block) => {
    expect(() => rules.competitionsAt(main, block)).toThrow(
      expect.objectContaining({ code: 'schedule.block', exitCode: 2 }),
    );
  });

  it('keeps the history of all 44 releases with their commits', () => {
    expect(releases).toHaveLength(44);
    for (const release of releases) expect(release.commit).toMatch(/^[0-9a-f]{40}$/);
    for (const profile of [old, late])
      expect(
        releases.some(
          (r) => r.release === profile.pretraining?.release && r.commit === profile.source?.commit,
        ),
      ).toBe(true);
    for (const period of main.periods) expect(releases.some((r) => r.commit === period.commit)).toBe(true);
  });
});

describe("a release's own schedule", () => {
  const constants = loadConstants();
  const of = (name: '3.2' | '6.0') => rules.scheduleNamed(constants, profiles[name].pretraining!.release);

  it('is what its profile applies, at every block', () => {
    fc.assert(
      fc.property(fc.nat(8_000_000), fc.constantFrom('3.2' as const, '6.0' as const), (block, name) => {
        const release = releases.find((r) => r.release === profiles[name].pretraining!.release)!;
        expect(rules.competitionsAt(of(name), block, profiles[name])).toEqual(
          rules.releaseCompetitionsAt(release, block),
        );
      }),
    );
  });

  it.each([
    [0, 186e6, 'tiiuae/falcon-refinedweb', false],
    [2_405_919, 186e6, 'tiiuae/falcon-refinedweb', false],
    [2_405_920, 772e6, 'tiiuae/falcon-refinedweb', false],
    [2_786_061, 6.9e9, 'tiiuae/falcon-refinedweb', true],
    [3_256_603, 6.9e9, 'tiiuae/falcon-refinedweb', true],
    [3_256_604, 6.9e9, 'HuggingFaceFW/fineweb-edu-score-2', true],
    [9_000_000, 6.9e9, 'HuggingFaceFW/fineweb-edu-score-2', true],
  ])('3.2.0 at block %i: up to %i parameters, scored on %s, Phi %s', (block, parameters, data, phi) => {
    const [only, ...others] = rules.competitionsAt(of('3.2'), block, old);
    expect(others).toEqual([]);
    expect(only).toMatchObject({ max_model_parameters: parameters, primary_dataset: data });
    expect(only!.max_bytes).toBe((phi ? 15 : 5) * 2 ** 30);
    expect(only!.allowed_architectures!.includes('PhiForCausalLM')).toBe(phi);
  });

  it.each([
    [0, [2, 4]],
    [5_177_980, [2, 4]],
    [5_177_981, [6, 2, 4]],
    [9_000_000, [6, 2, 4]],
  ])('6.0.4 at block %i knows competitions %j', (block, ids) => {
    expect(rules.competitionsAt(of('6.0'), block, late).map((c) => c.id)).toEqual(ids);
  });

  it("tells what changes in the history's own words", () => {
    for (const [i, { competitions, changed }] of main.periods.entries()) {
      if (i === 0) continue;
      const found = rules.changesOf(main.periods[i - 1]!.competitions, competitions);
      // Where 5.0.0 moved the data sets into evaluation tasks, the history names the tasks alone.
      expect(found.filter((text) => changed.includes(text))).toEqual(changed);
      if (!changed.some((text) => text.endsWith('eval_tasks'))) expect(found).toEqual(changed);
    }
    expect(rules.nextPeriod(of('3.2'), 3_000_000, old)!.changed).toEqual([
      'competition None: primary_dataset',
    ]);
  });

  it.each([
    [0, '3.2'],
    [3_545_066, '3.2'],
    [3_545_067, '6.0'],
    [null, '6.0'],
  ])('history at block %s has the mechanics of profile %s', (block, profile) => {
    expect(rules.mechanicsOf(constants, 'history', block)).toBe(profile);
    expect(rules.mechanicsOf(constants, '3.2', block)).toBe('3.2');
  });
});

describe('chooseCompetition', () => {
  const open = rules.competitionsAt(main, 5_200_000, late);

  it('takes an id, a name, or the one that fits', () => {
    expect(rules.chooseCompetition(open, { id: '4' }).id).toBe(4);
    expect(rules.chooseCompetition(open, { id: 'b3_model' }).id).toBe(2);
    expect(rules.chooseCompetition(open, { parameters: 13_800_000_000 }).id).toBe(4);
    expect(rules.chooseCompetition(rules.competitionsAt(main, 3_000_000, old), { id: 7 }).id).toBeNull();
  });

  it('says what there is when it cannot tell', () => {
    expect(() => rules.chooseCompetition(open, { id: 77 })).toThrow(
      expect.objectContaining({ code: 'competition.unknown' }),
    );
    expect(() => rules.chooseCompetition(open, { parameters: 5 })).toThrow(/B14_MODEL \(4\)/);
  });
});
