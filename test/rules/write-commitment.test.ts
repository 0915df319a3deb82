/** What is asked of a miner for each profile's text, and what a value that is missing or wrong says. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadConstants, profileNamed } from '../../src/constants.ts';
import { PtError, type UserError } from '../../src/errors.ts';
import { fieldsIn } from '../../src/publish/source.ts';
import {
  commitmentFor,
  givenFields,
  maxTextBytes,
  type Profile,
  parseCommitment,
  profilePage,
  readText,
} from '../../src/rules/index.ts';

const constants = loadConstants();
const names = Object.keys(constants.profiles);
const HOTKEY = '5HHBfPr8QwPLt3zZRNbF49FE8vd361uY3pUMqYbDMSmHSxTw';
const COMMIT = '027c1146b1b8f9274e5a4cfd7a959e328a326cd6';
const HASH = `${'A'.repeat(43)}=`;
const SHA256 = 'ab'.repeat(32);
const REPOS: Record<string, string> = { teutonic: 'acme/teutonic-a', albedo: 'acme/albedo-qwen3.6-35b-a' };

const of = (name: string): Profile => profileNamed(constants, name);
const make = (name: string, fields: Record<string, string> = {}, more: object = {}) =>
  commitmentFor(of(name), {
    ...{ repo: REPOS[name] ?? 'acme/m', commit: COMMIT, contentHash: HASH, hotkey: HOTKEY },
    ...{ sha256: SHA256, file: 'm.onnx', fields, competitionId: of(name).pretraining ? 1 : null },
    ...(of(name).pin.store === 'none' ? { pin: `sha256:${SHA256}` } : {}),
    ...more,
  });
const refusal = (act: () => unknown): UserError => {
  try {
    act();
  } catch (error) {
    if (error instanceof PtError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
};
const neededOf = (name: string) => givenFields(of(name)).filter(({ needed }) => needed);
const filled = (name: string) => Object.fromEntries(neededOf(name).map((field) => [field.name, '7']));

describe('what a miner has to give', () => {
  it('is told by the profile', () => {
    const told = Object.fromEntries(names.map((name) => [name, neededOf(name).map((field) => field.name)]));
    expect(told).toMatchObject({
      ...{ '3.2': [], '6.0': [], teutonic: [], albedo: [], affine: [], cascade: [], resi: [], evolai: [] },
      turbovision: ['chute_id', 'slug'],
      'turbovision-private': ['image_repo', 'image_tag', 'element_id'],
      connito: ['expert_group', 'model_hash', 'global_ver'],
      dippy: ['template', 'competition'],
      'cancer-ai': ['competition'],
      finetuning: ['competition'],
      coldint: ['competition'],
    });
  });

  it.each(names)('%s: no text is made without any of it, and with all of it there is one', (name) => {
    const all = filled(name);
    expect(readText(of(name).commit.format, make(name, all), true).kind).toBe('read');
    for (const { name: left, flag } of neededOf(name)) {
      const { [left]: _, ...rest } = all;
      for (const fields of [rest, { ...rest, [left]: '' }]) {
        const error = refusal(() => make(name, fields));
        expect(error.code).toBe('commitment.field');
        const asked = fields === rest ? flag : left === 'competition' ? '--field' : flag;
        expect(error.message).toContain(asked === '--field' ? `--field ${left}=` : '--competition');
        expect(error.nextSteps.join()).toContain(
          asked === '--field' ? `${left}=VALUE` : '--competition VALUE',
        );
        // What was given already stays in the step, which replaces all of the flag.
        if (asked === '--field')
          for (const other of Object.keys(rest)) expect(error.nextSteps[0]).toContain(`--field ${other}=7`);
      }
    }
  });

  it.each(names)('%s: its page names the flags that its command needs', (name) => {
    const page = profilePage(name, of(name));
    const commands = page.split('\n').filter((line) => line.startsWith('pt upload'));
    expect(commands.length).toBeGreaterThan(0);
    for (const command of commands) {
      for (const field of neededOf(name))
        expect(command).toContain(field.flag === '--field' ? `--field ${field.name}=` : '--competition');
      expect(command.replace(/ +#.*/, '')).not.toMatch(/[()]/);
    }
  });

  it('a competition is what --competition says, of whatever name the subnet gives it', () => {
    expect(make('coldint', {}, { competitionId: 'B7' })).toMatch(/:B7$/);
    expect(make('cancer-ai', {}, { competitionId: 'melanoma-1' })).toBe(`acme/m:m:melanoma-1:${SHA256}`);
    expect(make('finetuning', {}, { competitionId: '3' })).toMatch(/:3$/);
    const error = refusal(() => make('finetuning', {}, { competitionId: 'three' }));
    expect(error).toMatchObject({ code: 'commitment.field', nextSteps: ['--competition VALUE'] });
    expect(error.message).toMatch(/--competition: must be a whole number/);
  });

  it("dippy's hash of the names is made", () => {
    // python3: int(hashlib.sha256('acme m chatml HOTKEY'.encode()).hexdigest()[:16], 16)
    const text = make('dippy', { template: 'chatml' }, { competitionId: 'd1' });
    expect(text).toBe(`acme:m:chatml:${HOTKEY}:17222440282473123970:d1`);
  });
});

describe('a value', () => {
  const value = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.constantFrom(':', 'a:b', 'None', '|', '7', ' '),
  );

  it('is read back as it was given, or refused by its name', () => {
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.infiniteStream(value), (name, stream) => {
        const given = givenFields(of(name));
        const fields = Object.fromEntries(given.map((field) => [field.name, stream.next().value as string]));
        let text: string;
        try {
          text = make(name, fields);
        } catch (error) {
          expect(error).toMatchObject({ code: expect.stringMatching(/^commitment\.(field|invalid)$/) });
          expect((error as PtError).nextSteps.length).toBeGreaterThan(0);
          return;
        }
        expect(Buffer.byteLength(text)).toBeLessThanOrEqual(maxTextBytes(of(name)));
        const back = parseCommitment(of(name), text)!.fields;
        for (const [field, each] of Object.entries(fields))
          if (each !== '' && back[field] !== undefined)
            expect(String(back[field]).toLowerCase().trim()).toBe(each.toLowerCase().trim());
      }),
      { numRuns: 1000 },
    );
  });

  it('that would part the text, or is too long, is named', () => {
    const parted = refusal(() => make('coldint', { competition: 'x:y' }));
    expect(parted).toMatchObject({ code: 'commitment.field', nextSteps: ['--field competition=VALUE'] });
    expect(parted.message).toMatch(/--field competition=: "x:y" holds ":"/);
    const long = refusal(() => make('coldint', { competition: 'c'.repeat(100) }));
    expect(long).toMatchObject({ code: 'commitment.field', nextSteps: ['--field competition=SHORTER'] });
    expect(long.message).toMatch(/128 fit on chain: \d+ too many/);
    const repo = refusal(() =>
      make('connito', filled('connito'), {
        repo: `${'a'.repeat(15)}/${'b'.repeat(16)}`,
        fields: { ...filled('connito'), model_hash: 'ab'.repeat(8), signed_hash: 'ab'.repeat(8) },
      }),
    );
    expect(repo.message).toMatch(/too many/);
    expect(repo.nextSteps.join()).not.toContain('ab'.repeat(8));
  });

  it('pins what the profile pins', () => {
    expect(refusal(() => make('teutonic', {}, { pin: 'sha256:short' })).message).toMatch(
      /pin "sha256:short"/,
    );
    expect(
      refusal(() => make('turbovision-private', filled('turbovision-private'), { pin: null })).message,
    ).toMatch(/pins a container image.*--commit-only acme\/m@PIN/);
  });
});

describe('--field', () => {
  const at = (name: string, competition: string | null = null) => ({
    ...{ profile: of(name), profileName: name, competition },
  });
  const wrong = (name: string, ...given: string[]) => refusal(() => fieldsIn(given, at(name)));

  it('takes the fields that the text has, and no others', () => {
    expect(fieldsIn(['slug=a=b', 'chute_id=c'], at('turbovision'))).toEqual({ slug: 'a=b', chute_id: 'c' });
    expect(wrong('turbovision', 'element=1').message).toMatch(
      /no field element; it has chute_id, slug, element_id\. Did you mean element_id\?/,
    );
    expect(wrong('turbovision', 'foo=1').message).toContain('chute_id, slug, element_id');
    expect(wrong('albedo', 'foo=1').message).toContain('none that is to be given');
    for (const own of ['repo', 'pin', 'hotkey'])
      expect(wrong('turbovision', `${own}=evil/x`).message).toContain('filled in by pt itself');
    expect(wrong('6.0', 'competition=1').message).toContain('filled in by pt itself');
    expect(wrong('dippy', 'id_hash=1').message).toContain('filled in by pt itself');
  });

  it('needs a value, once, and not another one than --competition', () => {
    for (const text of ['slug', '=x', 'slug=', 'slug= '])
      expect(wrong('turbovision', text)).toMatchObject({ code: 'usage.field' });
    expect(wrong('turbovision', 'slug=a', 'slug=b').message).toContain('twice');
    expect(refusal(() => fieldsIn(['competition=1'], at('coldint', '2'))).message).toContain('competition 2');
    expect(fieldsIn(['competition=1'], at('coldint', '1'))).toEqual({ competition: '1' });
  });
});
