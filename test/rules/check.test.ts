import { describe, expect, it } from 'vitest';
import { loadConstants } from '../../src/constants.ts';
import type { ModelFacts } from '../../src/model/types.ts';
import { checkModel, competitionsAt, type Finding, isAccepted, verdictOf } from '../../src/rules/index.ts';

const { profiles, schedules, tokenizers } = loadConstants();
const old = profiles['3.2'];
const seven = competitionsAt(schedules.schedule!, 3_000_000, old)[0]!;

function facts(changes: Partial<ModelFacts> = {}, config: Record<string, unknown> = {}): ModelFacts {
  return {
    architecture: 'LlamaForCausalLM',
    parameters: 6_900_000_000,
    activeParameters: 6_900_000_000,
    bytes: 16_106_127_360,
    dtypes: ['BF16'],
    config: {
      model_type: 'llama',
      vocab_size: 100_277,
      max_position_embeddings: 4096,
      rope_theta: 10000,
      ...config,
    },
    files: [
      { path: 'README.md', size: 1 },
      { path: 'config.json', size: 1 },
    ],
    generation: null,
    hashedFiles: ['config.json'],
    problems: [],
    ...changes,
  };
}

const check = (f: ModelFacts, profile = old, competition = seven) =>
  checkModel(f, competition, profile, tokenizers[competition.tokenizer]);
const of = (findings: Finding[], rule: string) => findings.find((f) => f.rule === rule);

describe('checkModel', () => {
  it('accepts what is exactly at every limit', () => {
    const findings = check(facts());
    expect(findings.filter((f) => f.ok === false)).toEqual([]);
    expect(isAccepted(findings)).toBe(true);
    expect(of(findings, 'hash_coverage')!.message).toContain('ignores README.md');
  });

  it.each([
    ['architecture', { architecture: 'GPT2LMHeadModel' }],
    ['architecture', { architecture: null }],
    ['parameters', { parameters: 6_900_000_001 }],
    ['bytes', { bytes: 16_106_127_361 }],
  ] as const)('refuses %s: %o', (rule, change) => {
    const findings = check(facts(change));
    expect(findings.filter((f) => f.ok === false).map((f) => f.rule)).toEqual([rule]);
    expect(isAccepted(findings)).toBe(false);
  });

  it('says all that is wrong at once, each with rule, actual, limit and message', () => {
    const findings = check(
      facts({
        architecture: 'X',
        parameters: 1e12,
        bytes: 1e12,
        problems: [{ rule: 'config', ok: false, actual: 1, limit: 2, message: 'm' }],
      }),
    );
    expect(findings.filter((f) => f.ok === false).map((f) => f.rule)).toEqual([
      'config',
      'architecture',
      'parameters',
      'bytes',
    ]);
    for (const f of findings)
      expect(Object.keys(f).sort()).toEqual(['actual', 'limit', 'message', 'ok', 'rule']);
  });

  it('says that too few parameters are too few', () => {
    const three = competitionsAt(schedules.schedule!, 5_200_000).find((c) => c.id === 2)!;
    const finding = of(check(facts({ parameters: 3_199_999_999 }), profiles['6.0'], three), 'parameters')!;
    expect(finding).toMatchObject({ ok: false, limit: { min: 3_200_000_000, max: 3_400_000_000 } });
    expect(finding.message).toContain('1 too few');
  });

  it('refuses fixed positions that are too few, and warns of declared ones', () => {
    const early = competitionsAt(schedules.schedule!, 2_500_000, old)[0]!;
    const gpt2 = facts(
      { architecture: 'GPT2LMHeadModel', parameters: 1, bytes: 1 },
      { max_position_embeddings: undefined, n_positions: 512, vocab_size: 50_257 },
    );
    expect(of(check(gpt2, old, early), 'sequence_length')).toMatchObject({
      ok: false,
      verdict: 'cannot_score',
    });
    expect(of(check(facts({}, { max_position_embeddings: 512 })), 'sequence_length')!.ok).toBeNull();
  });

  it('warns of a vocabulary that is too small: validators accept the model and then lose it', () => {
    expect(of(check(facts({}, { vocab_size: 100_276 })), 'tokenizer')).toMatchObject({
      ok: null,
      actual: 100_276,
      limit: 100_277,
    });
  });

  it.each([
    [50_257, 'cannot_score'], // the text's first token outside is never far
    [100_257, 'cannot_score'], // no row for the end of a document
    [100_258, 'unknown'], // only special tokens that a text may hold lack
    [100_277, null],
  ] as const)('says what a vocabulary of %i gets from validators', (vocab_size, verdict) => {
    const findings = check(facts({}, { vocab_size }));
    expect(of(findings, 'tokenizer')!.verdict ?? null).toBe(verdict);
    expect(verdictOf(findings)).toBe(verdict ?? 'ready');
  });

  it('cannot tell of a class that it has no data on, nor of a tokenizer that it does not know', () => {
    const open = { ...seven, allowed_architectures: null };
    expect(verdictOf(check(facts({ architecture: 'NewForCausalLM' }), old, open))).toBe('unknown');
    expect(verdictOf(checkModel(facts(), seven, old))).toBe('unknown');
  });

  it.each([
    [{ rope_theta: 500000, rope_parameters: { rope_type: 'default', rope_theta: 500000 } }, true],
    [{ rope_theta: undefined, rope_parameters: { rope_type: 'default', rope_theta: 10000 } }, true],
    [{ rope_theta: undefined, rope_parameters: { rope_type: 'default', rope_theta: 500000 } }, false],
    [{ rope_parameters: { rope_type: 'linear', rope_theta: 10000, factor: 2 } }, false],
    [
      {
        rope_parameters: { rope_type: 'linear', rope_theta: 10000, factor: 2 },
        rope_scaling: { type: 'linear', factor: 2 },
      },
      true,
    ],
    [{ model_type: 'gpt_neox', rope_parameters: { rope_theta: 10000, partial_rotary_factor: 0.5 } }, false],
    [
      {
        model_type: 'gpt_neox',
        rotary_pct: 0.5,
        rope_parameters: { rope_theta: 10000, partial_rotary_factor: 0.5 },
      },
      true,
    ],
    [{ model_type: 'phi', rope_parameters: { rope_theta: 10000, partial_rotary_factor: 0.5 } }, true],
  ])('knows whether old transformers read the rope settings of %o', (config, ok) => {
    expect(of(check(facts({}, config)), 'config_keys')?.ok).toBe(ok);
  });

  it('never runs code that a config points at, and says so', () => {
    expect(of(check(facts({}, { auto_map: { AutoConfig: 'evil.py' } })), 'remote_code')!.ok).toBeNull();
  });
});
