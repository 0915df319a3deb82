/** What a sandbox plays of a profile: everything but what only a full-sized model or months of a chain could meet. */
import { describe, expect, it } from 'vitest';
import { loadConstants, profileNamed } from '../../src/constants.ts';
import { profileSchema } from '../../src/profile-schema.ts';
import {
  canHaveKing,
  checkNames,
  kingRepo,
  type Profile,
  parseRepoId,
  smallForm,
} from '../../src/rules/index.ts';

const constants = loadConstants();
const names = Object.keys(constants.profiles);
const profile = (name: string): Profile => profileNamed(constants, name);
const owner = {
  hotkey: '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY',
  coldkey: '5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty',
};

describe.each(names)('%s', (name) => {
  const small = smallForm(name, profile(name), profile(name).sandbox?.king ?? {});

  it('is a profile file that says what it stands in for', () => {
    expect(profileSchema.parse(JSON.parse(JSON.stringify(small)))).toEqual(small);
    expect(small).toMatchObject({ stands_in_for: name, netuid: profile(name).netuid });
    expect(small.name).toContain('(sandbox)');
  });

  it('keeps text, seal, pin, names, files and locks', () => {
    const { commit, pin, files, config, repo, intake, limits } = profile(name);
    expect(small.commit.format).toEqual(commit.format);
    expect([small.commit.mode, small.pin, small.files, small.intake]).toEqual([
      commit.mode,
      pin,
      files,
      intake,
    ]);
    expect(small.config?.lock).toEqual(config?.lock);
    expect(small.config?.forbid_keys).toEqual(config?.forbid_keys);
    expect(small.repo.match).toBe(repo.match);
    expect(small.limits.seals_per_hotkey_ever).toBe(limits.seals_per_hotkey_ever);
    expect(small.limits.evaluations_per_hotkey).toBe(limits.evaluations_per_hotkey);
  });

  it('decides by losses, and says so where the subnet does not', () => {
    const { duel, pretraining, not_judged: list } = small;
    expect(
      pretraining !== null || ['bootstrap_lcb', 'epsilon_wins', 'advantage_wins'].includes(duel.kind),
    ).toBe(true);
    if (pretraining === null && duel.kind !== profile(name).duel.kind)
      expect(list[0]).toContain('the sandbox compares losses');
    for (const each of profile(name).not_judged) expect(list).toContain(each);
  });

  it.runIf(canHaveKing(profile(name)))('has a name for a king that its validators take', () => {
    const repo = kingRepo(name, small, owner);
    expect(parseRepoId(small, repo).repo).toBe(repo);
    expect(checkNames(repo, owner, small, 1e9).every(({ ok }) => ok)).toBe(true);
  });
});

it("takes the king's own sizes where a list of them is allowed", () => {
  const sizes = profile('affine').config!.allow![0]!;
  const king = profile('affine').sandbox!.king!;
  const [small] = smallForm('affine', profile('affine'), king).config!.allow!;
  expect(Object.keys(small!)).toEqual(Object.keys(sizes));
  expect(small!['text_config.hidden_size']).toBe((king.text_config as Record<string, number>).hidden_size);
});

it('names the key to set where no name can be made up', () => {
  const odd = { ...profile('albedo'), repo: { match: '^[a-z]{2}/(one|two)$' }, sandbox: {} };
  expect(() => kingRepo('odd', odd, owner)).toThrow(expect.objectContaining({ code: 'profile.king_name' }));
});
