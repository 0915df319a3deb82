/** Verdicts as a person reads them: in a real terminal of 80 columns, whole, and what is asked about before a publish. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sentenceOf, type Verdict } from '../../src/rules/index.ts';
import { llamaConfig, writeModel } from '../model/support.ts';
import { pseudoTerminal } from './in-terminal.ts';
import { runPt } from './run-pt.ts';

let home: string;
const env = () => ({ PT_HOME: home, PT_NETWORK: 'sandbox' });
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'pt-verdicts-'));
  await runPt(['sandbox', 'start', '--detach'], { env: { PT_HOME: home }, cwd: home });
});
afterAll(async () => {
  await runPt(['sandbox', 'stop'], { env: { PT_HOME: home }, cwd: home });
  rmSync(home, { recursive: true, force: true });
});

/** A model of each verdict under profile 3.2, and what is said of the rule that decides. */
const CASES: [Verdict, Record<string, unknown>, string][] = [
  ['ready', {}, ''],
  [
    'refused',
    { head_dim: 8 },
    'config_keys: transformers 4.38.0, which validators pin, ignores head_dim 8 and fails on the shapes of the weights.',
  ],
  [
    'cannot_score',
    { mlp_bias: true },
    "config_keys: transformers 4.38.0, which validators pin, ignores mlp_bias true: other logits than this model's, without an error.",
  ],
  [
    'unknown',
    { vocab_size: 4095 },
    'tokenizer: vocab_size 4095 is smaller than builtin (4096 ids): it is scored until a text holds one of the special tokens outside, and then its loss is infinite.',
  ],
];
const modelOf = (verdict: Verdict, config: Record<string, unknown>) =>
  writeModel(join(home, verdict), llamaConfig(config));
/** What was shown, line by line, without colours; a terminal breaks lines that are too long for it, and loses nothing of them. */
const linesOf = (shown: string) => stripVTControlCharacters(shown).split(/\r?\n|\r/);

describe.each(CASES)('%s', (verdict, config, reason) => {
  it('is whole at 80 columns in pt check, with the rule that decides', async () => {
    const { code, shown } = await pseudoTerminal(
      ['check', modelOf(verdict, config), '--network', 'sandbox'],
      home,
    );
    expect(code).toBe(verdict === 'ready' ? 0 : 3);
    const lines = linesOf(shown);
    const mark = verdict === 'ready' ? '✓' : 'Warning:';
    expect(lines).toContain(`${mark} ${sentenceOf(verdict)}`);
    if (reason !== '') expect(lines).toContain(`  ${reason}`);
    // Nothing else sounds as good as ready.
    expect(shown.includes('✓')).toBe(verdict === 'ready');
    expect(shown.includes('Validators would accept')).toBe(verdict === 'ready');
  });

  it('is whole at 80 columns in pt upload, which stops at the first two', async () => {
    const args = ['upload', '--load-model-dir', modelOf(verdict, config), '--hf-repo-id', `me/${verdict}`];
    const { code, shown } = await pseudoTerminal([...args, '--network', 'sandbox'], home, {
      type: [['all the same\\?', 'n\r']],
    });
    const said = linesOf(shown).join('\n');
    expect(code).toBe({ ready: 0, refused: 3, cannot_score: 3, unknown: 130 }[verdict]);
    if (verdict === 'ready') expect(said).not.toContain('all the same?');
    else expect(said).toContain(`${sentenceOf(verdict)} ${reason}`);
    if (verdict === 'refused' || verdict === 'cannot_score') expect(said).toContain('--no-check');
  });
});

describe('pt upload of what cannot be told', () => {
  const [, config] = CASES[3]!;
  const repository = async (repo: string) => (await runPt(['check', repo, '--json'], { env: env() })).json();
  const upload = (repo: string) => [
    'upload',
    '--load-model-dir',
    modelOf('unknown', config),
    '--hf-repo-id',
    repo,
  ];

  it('asks, publishes nothing on no and everything on yes', async () => {
    const answer = (word: string) =>
      pseudoTerminal([...upload('me/asked'), '--network', 'sandbox'], home, {
        type: [
          ['Publish me/asked all the same\\?', `${word}\r`],
          ['in place of its commitment', 'y\r'],
        ],
      });
    expect((await answer('n')).code).toBe(130);
    expect(await repository('me/asked')).toMatchObject({ error: { code: 'hub.no_revision' } });
    expect((await answer('y')).code).toBe(0);
    expect(await repository('me/asked')).toMatchObject({ verdict: 'unknown', repo: 'me/asked' });
  });

  it('names --yes where nobody can be asked, and takes it for the answer', async () => {
    const mute = await runPt([...upload('me/mute'), '--json'], { env: env() });
    expect(mute.code).toBe(2);
    expect(JSON.stringify(mute.json())).toContain('--yes');
    expect(await repository('me/mute')).toMatchObject({ error: { code: 'hub.no_revision' } });
    expect((await runPt([...upload('me/mute'), '--json', '--yes'], { env: env() })).code).toBe(0);
  });
});
