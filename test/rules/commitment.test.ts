import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadConstants } from '../../src/constants.ts';
import { PtError } from '../../src/errors.ts';
import * as rules from '../../src/rules/index.ts';
import { attack } from '../support/attack.ts';

const { profiles } = loadConstants();
const both = [profiles['3.2'], profiles['6.0']];
const HOTKEY = '5GkfUTpc6hr2KuYGJ8yrMsbTJoTdD6CgDQK9RitqPrPTqT1J';
const COMMIT = '4283fefc63f0cd0e873a0000c6d07ef7b77e90d3';
const HASH = 'X5c9qthhm5H/yRH1fM7UWLu/LOA3U8m9+g/wFp3JV1Y=';

const part = fc
  .stringMatching(/^[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,14}[A-Za-z0-9_])?$/)
  .filter((s) => !/--|\.\.|\.(git|ipynb)$/.test(s));

describe('chain string', () => {
  it('is read back as it was written, in both profiles', () => {
    fc.assert(
      fc.property(
        part,
        part,
        fc.integer({ min: 0, max: 99 }),
        fc.constantFrom(...both),
        (namespace, name, id, profile) => {
          fc.pre(rules.splitRepoId(profile, `${namespace}/${name}`) !== null);
          const text = rules.commitmentFor(profile, {
            repo: `${namespace}/${name}`,
            commit: COMMIT,
            contentHash: HASH,
            hotkey: HOTKEY,
            competitionId: id,
          });
          expect(Buffer.byteLength(text)).toBeLessThanOrEqual(128);
          const read = rules.parseCommitment(profile, text)!;
          expect(read).toMatchObject({ namespace, name, commit: COMMIT });
          expect(rules.formatCommitment(profile, read)).toBe(text);
          expect(rules.hashMatches(profile, read, HASH, HOTKEY)).toBe(true);
          expect(rules.hashMatches(profile, read, `A${HASH.slice(1)}`, HOTKEY)).toBe(false);
          expect(rules.hashMatches(profile, read, HASH, `${HOTKEY}x`)).toBe(profile === profiles['3.2']);
        },
      ),
    );
  });

  it('is never an exception, whatever stands on chain', async () => {
    await attack(
      'commitments: any text on chain',
      fc.property(
        fc.string({ unit: 'binary', maxLength: 140 }),
        fc.constantFrom(...both),
        (text, profile) => {
          const read = rules.parseCommitment(profile, text);
          if (read)
            expect(rules.parseCommitment(profile, rules.formatCommitment(profile, read))?.namespace).toBe(
              read.namespace,
            );
        },
      ),
      { short: 1000 },
    );
    expect(rules.parseCommitment(profiles['6.0'], null)).toBeNull();
  });

  it.each([
    ['٣', 3],
    ['१२', 12],
    ['𝟘𝟡', 9],
    ['\u3000+7\u2003', 7],
    ['1__0', null],
    ['_1', null],
    ['0x1', null],
    ['99999999999999999999', null],
  ])('reads the competition %j as Python does', (text, value) => {
    const read = rules.parseCommitment(profiles['6.0'], `a:b:c:d:${text}`);
    expect(read?.competitionId ?? null).toBe(value);
  });

  it.each([
    [{ repo: 'x' }, 'repo.invalid'],
    [{ repo: 'ns/with:colon' }, 'repo.invalid'],
    [{ commit: 'main' }, 'commitment.invalid'],
    [{ contentHash: 'None' }, 'commitment.invalid'],
    [{ competitionId: 10 ** 15 }, 'commitment.invalid'],
  ])('is not made from %o', (change, code) => {
    const good = {
      repo: `${'a'.repeat(18)}/${'b'.repeat(19)}`,
      commit: COMMIT,
      contentHash: HASH,
      hotkey: HOTKEY,
      competitionId: 4,
    };
    expect(rules.commitmentFor(profiles['6.0'], good)).toContain(':4');
    expect(() => rules.commitmentFor(profiles['6.0'], { ...good, ...change })).toThrow(
      expect.objectContaining({ code }),
    );
  });
});

describe('repository ids', () => {
  it('are safe wherever they are accepted', async () => {
    await attack(
      'names of repositories in commitments',
      fc.property(fc.string({ unit: 'binary', maxLength: 45 }), fc.constantFrom(...both), (text, profile) => {
        try {
          const { repo } = rules.parseRepoId(profile, text);
          expect(repo).toMatch(/^[\w.-]+\/[\w.-]+$/);
          expect(repo).not.toContain('..');
          expect(new URL(`http://x/${repo}`).pathname).toBe(`/${repo}`);
          expect(rules.parseRepoRef(repo)).toEqual({ repo, revision: null });
        } catch (error) {
          expect(error).toBeInstanceOf(PtError);
        }
      }),
      { short: 500 },
    );
  });

  it.each(['..../....', 'a/../b', 'ns/model.git', '-a/bcd', 'a/b c', 'ünïcode/modèl', 'a/b\n', '/abc'])(
    'are refused: %j',
    (text) => {
      expect(() => rules.parseRepoId(profiles['3.2'], text)).toThrow(
        expect.objectContaining({ code: 'repo.invalid', exitCode: 2 }),
      );
      expect(rules.parseRepoRef(text)).toBeNull();
    },
  );

  it('may name a revision', () => {
    expect(rules.parseRepoRef(`a/b@${COMMIT}`)).toEqual({ repo: 'a/b', revision: COMMIT });
    expect(rules.parseRepoRef('a/b@refs/pr/1')).toEqual({ repo: 'a/b', revision: 'refs/pr/1' });
    for (const bad of ['a/b@', 'a/b@../x', 'a/b@x@y', 'a/b@x y', 'a/b@/x'])
      expect(rules.parseRepoRef(bad)).toBeNull();
  });
});
