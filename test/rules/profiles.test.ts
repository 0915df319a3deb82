/** The form of profile files, what a wrong one says, and the grammar both ways. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { loadConstants, profileNamed } from '../../src/constants.ts';
import { profileSchema } from '../../src/profile-schema.ts';
import {
  commitmentFor,
  describeProfile,
  fieldsOf,
  notJudged,
  parseCommitment,
  pickRevealed,
  readText,
  revealedText,
  writeText,
} from '../../src/rules/index.ts';
import { resolveSettings } from '../../src/settings/index.ts';
import { pythonJson, pythonPattern, pythonStem, pythonStrip } from '../../src/text/python.ts';

const constants = loadConstants();
const names = Object.keys(constants.profiles);
const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});
const folderOf = (files: Record<string, unknown>): string => {
  const dir = mkdtempSync(join(tmpdir(), 'pt-profiles-'));
  folders.push(dir);
  for (const [name, value] of Object.entries(files))
    writeFileSync(join(dir, name), typeof value === 'string' ? value : JSON.stringify(value));
  return dir;
};

/** The least that a commitment needs. */
function plain() {
  return { mode: 'plain', format: { kind: 'json', style: 'compact', keys: [['r', 'repo']] } };
}

const HOTKEY = '5HHBfPr8QwPLt3zZRNbF49FE8vd361uY3pUMqYbDMSmHSxTw';
const COMMIT = '027c1146b1b8f9274e5a4cfd7a959e328a326cd6';
const HASH = `${'A'.repeat(43)}=`;

describe('profile files', () => {
  it.each(names)('%s names its source, what it pays for and what is not judged', (name) => {
    const { source, pays_for, duel, not_judged, pretraining } = profileNamed(constants, name);
    expect(source).toMatchObject({
      repo: expect.stringContaining('/'),
      date: expect.stringMatching(/^\d{4}-\d\d-\d\d$/),
    });
    expect(pays_for).toBeTruthy();
    if (pretraining === null && duel.kind === 'external') expect(not_judged.length).toBeGreaterThan(0);
    expect(describeProfile(name, profileNamed(constants, name)).text).toContain('<');
  });

  it('takes the three examples that subnets of the day were described with', () => {
    const short = [
      '{"netuid":3,"commit":{"mode":"timelock","blocks":3,"max_bytes":778,"format":{"kind":"join","sep":"|","parts":["v4",{"name":"repo"},{"name":"pin"},{"name":"hotkey"}]}},"pin":{"store":"hippius","forms":["sha256:[0-9a-f]{64}","hf:[0-9a-f]{40}"]},"repo":{"match":"^[^/]+/teutonic-.+$","contains":[{"of":"coldkey","take":[5,5],"where":"id","case":"any"}]},"limits":{"evaluations_per_hotkey":1,"min_block":8377971},"duel":{"kind":"bootstrap_lcb","alpha":0.001,"delta":0.0015,"B":10000,"seed":45063}}',
      '{"netuid":97,"commit":{"mode":"timelock","blocks":1,"max_bytes":778,"format":{"kind":"join","sep":"|","parts":["v7",{"name":"repo","lower":true},{"name":"pin"}]}},"repo":{"match":"^[^/]+/albedo-qwen3\\\\.6-35b-.+$"},"config":{"against":"genesis","absent_is_null":true,"forbid_keys":["auto_map","quantization_config"],"dtypes":["F16","BF16"]},"limits":{"failed_ban":3},"duel":{"kind":"mean_margin","margin":0.025,"wins":2}}',
      '{"netuid":120,"commit":{"mode":"timelock","blocks":1,"max_bytes":778,"format":{"kind":"json","style":"python","keys":[["model","repo"],["revision","pin"]]}},"repo":{"contains":[{"of":"affine","where":"id","case":"any"},{"of":"hotkey","where":"name_end","case":"any"}]},"limits":{"seals_per_hotkey_ever":1},"duel":{"kind":"pareto_envs","margin":0.03,"tolerance":0.02,"need":1}}',
    ];
    for (const text of short) expect(profileSchema.safeParse(JSON.parse(text)).error).toBeUndefined();
  });

  it.each([
    ['an unknown key', { netuid: 1, comit: {} }, /bad\.json: (commit|the file|comit)/],
    ['a mode that is none', { netuid: 1, commit: { mode: 'open' } }, /bad\.json: commit\.mode/],
    [
      'a pattern that is none',
      {
        netuid: 1,
        commit: {
          mode: 'plain',
          format: { kind: 'join', sep: ':', parts: [{ name: 'repo', match: '(' }, 'x'] },
        },
      },
      /bad\.json: commit\.format\.parts\[0\]/,
    ],
    [
      'a seal without its moment',
      {
        netuid: 1,
        commit: { mode: 'timelock', format: { kind: 'json', style: 'python', keys: [['a', 'repo']] } },
      },
      /bad\.json: commit\.blocks/,
    ],
    ['broken JSON', '{', /bad\.json: not JSON/],
    ...(
      [
        [
          'a key twice',
          {
            keys: [
              ['r', 'repo'],
              ['r', 'pin'],
            ],
          },
          /format\.keys: has the key "r" twice/,
        ],
        [
          'a key twice, by its other name',
          {
            keys: [
              ['r', 'repo'],
              ['x', { name: 'pin', also_key: 'r' }],
            ],
          },
          /"r" twice/,
        ],
        [
          'a field twice',
          {
            keys: [
              ['r', 'repo'],
              ['s', 'repo'],
            ],
          },
          /names the field repo twice/,
        ],
        [
          'a key twice inside',
          {
            keys: [
              [
                'o',
                {
                  object: [
                    ['r', 'repo'],
                    ['r', 'pin'],
                  ],
                },
              ],
            ],
          },
          /"r" twice/,
        ],
        [
          'a constant that is no text',
          { keys: [['v', { const: 3 }]] },
          /keys\[0\]\[1\]\.const: .*expected string/,
        ],
        ['a key without its field', { keys: [['model']] }, /keys\[0\]: .*>=2 items/],
        ['a field without a name', { keys: [['m', { match: 'x' }]] }, /keys\[0\]\[1\]/],
      ] as [string, object, RegExp][]
    ).map(([what, format, message]): [string, unknown, RegExp] => [
      what,
      { netuid: 1, commit: { mode: 'plain', format: { kind: 'json', style: 'compact', ...format } } },
      message,
    ]),
    ...(
      [
        [
          'a field as a constant',
          ['repo_ns', { name: 'pin' }],
          /parts\[0\]: .*the field is \{"name": "repo_ns"\}/,
        ],
        ['a constant with the separator', ['a:b', { name: 'pin' }], /parts\[0\]: holds the separator ":"/],
        ['a part twice', [{ name: 'pin' }, { name: 'pin' }], /parts: names the field pin twice/],
      ] as [string, unknown[], RegExp][]
    ).map(([what, parts, message]): [string, unknown, RegExp] => [
      what,
      { netuid: 1, commit: { mode: 'plain', format: { kind: 'join', sep: ':', parts } } },
      message,
    ]),
    ...(
      [
        ['an empty name', { name: '' }, /bad\.json: name/],
        ['a hash that is none', { files: { byte_equal: { 'tokenizer.json': 'zz' } } }, /byte_equal.*sha256/],
        [
          'a dtype that is none',
          { config: { against: 'king', dtypes: ['BF17'] } },
          /dtypes\[0\]: is no dtype/,
        ],
        ['no bytes for files', { files: { max_bytes: 0 } }, /files\.max_bytes/],
        ['no bytes for a name', { repo: { max_bytes: 0 } }, /repo\.max_bytes/],
        [
          'fewest above most',
          { repo: { min_chars: 9, max_chars: 4 } },
          /repo\.min_chars: is above max_chars/,
        ],
        ['no room for a text', { commit: { ...plain(), max_bytes: 0 } }, /commit\.max_bytes/],
        ['a seal for ever', { commit: { ...plain(), mode: 'timelock', blocks: 1e9 } }, /commit\.blocks/],
        ['a king of no type', { sandbox: { king: { hidden_size: 1 } } }, /sandbox\.king\.model_type/],
      ] as [string, object, RegExp][]
    ).map(([what, more, message]): [string, unknown, RegExp] => [
      what,
      { netuid: 1, commit: plain(), ...more },
      message,
    ]),
  ])('say which file and key is wrong: %s', (_, file, message) => {
    const dir = folderOf({ 'bad.json': file });
    expect(() => profileNamed(loadConstants(undefined, [dir]), 'bad')).toThrow(
      expect.objectContaining({ code: 'constants.invalid', message: expect.stringMatching(message) }),
    );
    // The others are none the worse.
    expect(profileNamed(loadConstants(undefined, [dir]), 'albedo').netuid).toBe(97);
  });

  it('come from a folder of their own, by setting; a name that is none is refused by name', () => {
    const { netuid: _, ...rest } = profileNamed(constants, 'affine');
    const dir = folderOf({ 'thirteen.json': { ...rest, netuid: 1313 } });
    const home = folderOf({});
    const settings = (flags: object) =>
      resolveSettings({ flags: { ...flags }, env: { PT_PROFILES: dir }, cwd: home, home });
    expect(settings({ profile: 'thirteen' })).toMatchObject({ netuid: 1313, profile: 'thirteen' });
    expect(settings({ profile: 'thirteen', netuid: 7 }).netuid).toBe(7);
    expect(settings({ profile: '6.0' }).netuid).toBe(9);
    expect(() => settings({ profile: 'afine' })).toThrow(/flag --profile.*"afine"; did you mean affine/);
    expect(() => resolveSettings({ env: { PT_PROFILES: join(dir, 'nowhere') }, cwd: home, home })).toThrow(
      expect.objectContaining({ code: 'constants.missing' }),
    );
  });

  it('that stand in the place of one that pt has are told', () => {
    const own = { netuid: 13, commit: plain() };
    const dir = folderOf({ 'albedo.json': own, 'other.json': own });
    const { replaced, profiles } = loadConstants(undefined, [dir]);
    expect(replaced).toEqual({ albedo: join(dir, 'albedo.json') });
    expect(profiles.albedo!.netuid).toBe(13);
    expect(constants.replaced).toEqual({});
  });

  it('that name nothing they leave open have it named, and no model of theirs is ready', () => {
    const parsed = (more: object) => profileSchema.parse({ netuid: 1, commit: plain(), ...more });
    const external = parsed({ duel: { kind: 'external', what: 'judged by people' } });
    expect(describeProfile('x', external).notJudged.join()).toContain('judged by people');
    expect(notJudged(external)).toMatchObject([{ verdict: 'unknown' }]);
    expect(notJudged(parsed({}))).toHaveLength(1);
    const losses = parsed({
      duel: { kind: 'epsilon_wins', epsilon_start: 0, epsilon_end: 0, decay_blocks: 1 },
    });
    expect(notJudged(losses)).toEqual([]);
    expect(notJudged({ ...losses, pin: { store: 'none', forms: ['.'] } })).toHaveLength(1);
    for (const name of names) {
      const { pretraining, not_judged: list } = profileNamed(constants, name);
      expect(notJudged(profileNamed(constants, name)).length).toBe(list.length);
      if (pretraining === null) expect(list.length).toBeGreaterThan(0);
    }
  });

  it('may lie in the constants folder', () => {
    const dir = folderOf({});
    cpSync(constants.dir, dir, { recursive: true });
    mkdirSync(join(dir, 'profiles'), { recursive: true });
    writeFileSync(join(dir, 'profiles', 'own.json'), JSON.stringify(profileNamed(constants, 'coldint')));
    expect(profileNamed(loadConstants(dir), 'own').netuid).toBe(29);
  });
});

/** Names that subnets with a pattern take. */
const REPOS: Record<string, string> = {
  teutonic: 'acme/teutonic-a',
  albedo: 'acme/albedo-qwen3.6-35b-a',
};

describe('the grammar', () => {
  const plainWord = fc.stringMatching(/^[a-z0-9]{1,12}$/);
  const values = fc.record({
    repo_ns: plainWord,
    repo_name: plainWord,
    other: plainWord,
    number: fc.nat(99),
  });

  it.each(names)('%s: what is written is read as it was meant', (name) => {
    const profile = profileNamed(constants, name);
    fc.assert(
      fc.property(values, ({ repo_ns, repo_name, other, number }) => {
        const known: Record<string, unknown> = {
          repo: `${repo_ns}/${repo_name}`,
          repo_ns,
          repo_name,
          hotkey: HOTKEY,
          pin: profile.pin.hub_prefix ? `${profile.pin.hub_prefix}${COMMIT}` : COMMIT,
          competition: number,
          block: number,
          expert_group: number,
          global_ver: number,
          inner_opt: number,
          file: `${other}.onnx`,
        };
        const fields = Object.fromEntries(
          fieldsOf(profile.commit.format).map(({ name }) => [name, known[name] ?? other]),
        );
        if (
          profile.commit.format.kind === 'join' &&
          fields.competition !== undefined &&
          name !== '6.0' &&
          name !== 'finetuning'
        )
          fields.competition = other;
        const text = writeText(profile.commit.format, fields);
        expect(readText(profile.commit.format, text, true)).toEqual({ kind: 'read', fields });
      }),
    );
  });

  it.each(['teutonic', 'albedo', 'affine', 'evolai', 'coldint', 'cascade', 'resi'])(
    '%s: a model is named and found again',
    (name) => {
      const profile = profileNamed(constants, name);
      const sha256 = 'ab'.repeat(32);
      const repo = REPOS[name] ?? 'acme/model';
      const input = {
        repo,
        commit: COMMIT,
        contentHash: HASH,
        hotkey: HOTKEY,
        sha256,
        fields: { competition: 'c1' },
      };
      const id = parseCommitment(profile, commitmentFor(profile, input));
      expect(`${id?.namespace}/${id?.name}`).toBe(repo);
      expect(name === 'resi' ? id?.pin : id?.commit).toBe(name === 'resi' ? sha256 : COMMIT);
    },
  );

  it('reads plain text of Python, not of JavaScript', () => {
    expect(pythonStrip('\u001c\u0085 a\ufeff ')).toBe('a\ufeff');
    expect(pythonPattern('^a$').test('a\n')).toBe(true);
    expect(pythonPattern('^a$').test('a\n\n')).toBe(false);
    expect(pythonPattern('a.c').test('a\rc')).toBe(true);
    expect(pythonPattern('a.c').test('a\nc')).toBe(false);
    expect(pythonPattern('[.$]').test('x')).toBe(false);
    expect(pythonJson({ a: 'é\u007f🚀"' }, 'python')).toBe('{"a": "\\u00e9\\u007f\\ud83d\\ude80\\""}');
    expect(['a.b.onnx', '.onnx', 'x/y.onnx', 'plain'].map(pythonStem)).toEqual([
      'a.b',
      '.onnx',
      'y',
      'plain',
    ]);
  });
});

describe('a pick', () => {
  const affine = profileNamed(constants, 'affine');
  const text = (model: string) => `{"model": "${model}", "revision": "${COMMIT}"}`;
  it('is the last listed of affine even when it cannot be read, the newest readable of others', () => {
    const revealed = [
      { block: 9, text: text('a/1') },
      { block: 5, text: 'no json' },
    ];
    expect(pickRevealed(affine, revealed)).toEqual([]);
    const readable = {
      ...affine,
      intake: { ...affine.intake, pick: 'latest' as const, unreadable: 'passed_over' as const },
    };
    expect(pickRevealed(readable, revealed)?.map(({ block }) => block)).toEqual([9]);
    expect(pickRevealed(readable, [...revealed, { block: 1, text: '5' }])).toBeNull();
  });

  it('cuts the length off as readers do, wherever it came from', () => {
    expect(revealedText(Buffer.from('1468656c6c6f', 'hex'))).toBe('hello');
    expect(revealedText(Buffer.from('v7|acme', 'utf8'))).toBe('cme');
    expect(revealedText(new Uint8Array())).toBeNull();
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 12 }), (bytes) => {
        // Python's `errors='ignore'` drops what a decoder would replace.
        const tail = bytes.subarray([1, 2, 4, 4][bytes[0]! & 3]);
        const kept = revealedText(bytes)!;
        expect(kept).not.toContain('\ufffd'.repeat(2));
        if (
          Buffer.from(tail).toString('utf8').isWellFormed() &&
          !Buffer.from(tail).toString('utf8').includes('\ufffd')
        )
          expect(kept).toBe(Buffer.from(tail).toString('utf8'));
      }),
    );
  });
});
