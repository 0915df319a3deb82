import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadConstants } from '../../src/constants.ts';
import {
  boundHash,
  type CopyQuestion,
  cannotScore,
  cannotTell,
  checkDuplicates,
  competitionsAt,
  describeReasons,
  type Finding,
  formatCommitment,
  isAccepted,
  verdictOf,
} from '../../src/rules/index.ts';

const { profiles, schedules } = loadConstants();

const fine: Finding = { rule: 'bytes', ok: true, actual: 1, limit: 2, message: 'm' };
const note: Finding = { ...fine, ok: null };
const refusing: Finding = { ...fine, ok: false };
const losing = cannotScore('tokenizer', 'small');
const dark = cannotTell('architecture_known', 'new');

describe('the verdict', () => {
  it.each([
    [[], 'ready'],
    [[fine, note], 'ready'],
    [[fine, dark], 'unknown'],
    [[dark, losing], 'cannot_score'],
    [[dark, losing, refusing], 'refused'],
  ] as const)('of %j is %s', (findings, verdict) => {
    expect(verdictOf(findings)).toBe(verdict);
  });

  it('does not hang on the order of findings, and one more finding never makes it better', () => {
    const weight = ['ready', 'unknown', 'cannot_score', 'refused'];
    const any = fc.constantFrom(fine, note, refusing, losing, dark);
    fc.assert(
      fc.property(fc.array(any), any, (findings, more) => {
        expect(verdictOf([...findings].reverse())).toBe(verdictOf(findings));
        expect(weight.indexOf(verdictOf([...findings, more]))).toBeGreaterThanOrEqual(
          weight.indexOf(verdictOf(findings)),
        );
        expect(isAccepted(findings)).toBe(verdictOf(findings) !== 'refused');
        expect(describeReasons(findings).length === 0).toBe(verdictOf(findings) === 'ready');
      }),
    );
  });

  it('names what decides first', () => {
    expect(describeReasons([dark, fine, refusing, losing])).toEqual([
      'bytes: m',
      'tokenizer: small',
      'architecture_known: new',
    ]);
  });
});

describe('a copy', () => {
  const hash = `${'B'.repeat(43)}=`;
  const [me, other] = ['5Me', '5Other'];
  const block = 5_200_000;
  const open = competitionsAt(schedules.schedule!, block, profiles['6.0']);
  const text = (name: string, holder: string, competitionId = 4, commit = 'c'.repeat(40)) => ({
    '3.2': formatCommitment(profiles['3.2'], { namespace: 'ns', name, commit, hash }),
    '6.0': formatCommitment(profiles['6.0'], {
      namespace: 'ns',
      name,
      commit,
      secureHash: boundHash(hash, holder),
      competitionId,
    }),
  });
  const ask = (
    profile: '3.2' | '6.0',
    commitments: [string, number, ReturnType<typeof text>][],
    changes: Partial<CopyQuestion> = {},
  ) =>
    checkDuplicates({
      contentHashes: [hash],
      revision: null,
      commitments: new Map(
        commitments.map(([hotkey, since, texts]) => [hotkey, { block: since, text: texts[profile] }]),
      ),
      profile: profiles[profile],
      competition: open.find(({ id }) => id === 4)!,
      ownHotkeys: new Set([me]),
      block,
      ...changes,
    });

  it.each(['3.2', '6.0'] as const)(
    '%s: loses to whoever else committed it earlier, bound hash or not',
    (profile) => {
      expect(ask(profile, [[other, 10, text('m', other)]])).toMatchObject({
        ok: false,
        verdict: 'cannot_score',
        message: expect.stringContaining('5Other committed the same content at block 10'),
      });
      // A bound hash that somebody copied is nobody's content.
      if (profile === '6.0') expect(ask(profile, [[other, 10, text('m', me)]])).toMatchObject({ ok: true });
    },
  );

  it.each(['3.2', '6.0'] as const)("%s: one's own earlier model is no loss, and is named", (profile) => {
    const mine = ask(profile, [
      [me, 10, text('m', me)],
      [other, 20, text('n', other)],
    ]);
    expect(mine.verdict).toBeUndefined();
    expect(mine).toMatchObject({ ok: true, message: expect.stringContaining('Your hotkey 5Me') });
    expect(mine.message).toContain('a later copy of your own model');
  });

  it.each(['3.2', '6.0'] as const)('%s: a revision meets its own commitment, and only that', (profile) => {
    const revision = { repo: 'ns/m', commit: 'c'.repeat(40) };
    const held: Parameters<typeof ask>[1] = [[other, 10, text('m', other)]];
    expect(ask(profile, held, { revision }).verdict).toBeUndefined();
    expect(ask(profile, held, { revision: { ...revision, commit: 'd'.repeat(40) } }).verdict).toBe(
      'cannot_score',
    );
    const third = [...held, ['5Third', 5, text('x', '5Third')] as (typeof held)[0]];
    expect(ask(profile, third, { revision })).toMatchObject({
      verdict: 'cannot_score',
      message: expect.stringContaining('5Third'),
    });
  });

  it('in another competition, or committed later than is asked about, is none', () => {
    expect(ask('6.0', [[other, 10, text('m', other, 2)]])).toMatchObject({ ok: true, actual: [] });
    expect(ask('6.0', [[other, block + 1, text('m', other)]])).toMatchObject({ ok: true, actual: [] });
  });

  it('loses by the epsilon rule alone: without a head start 3.2 has a draw, 6.0 drops it still', () => {
    const competition = {
      ...open.find(({ id }) => id === 4)!,
      epsilon: { type: 'FixedEpsilon', epsilon: 0 } as const,
    };
    const held: Parameters<typeof ask>[1] = [[other, 10, text('m', other)]];
    expect(ask('3.2', held, { competition })).toMatchObject({ ok: null });
    expect(ask('3.2', held, { competition }).verdict).toBeUndefined();
    expect(ask('6.0', held, { competition }).verdict).toBe('cannot_score');
  });
});
