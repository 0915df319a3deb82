import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fateOf, loadArchitectures } from '../../src/architectures.ts';
import { findPython } from '../../src/bridge/index.ts';
import { loadConstants } from '../../src/constants.ts';
import { whyImpossible } from '../../src/model/architectures.ts';
import { countShapes, expectedShapes } from '../../src/model/index.ts';

/** Configs that reach every branch: ties, biases, grouped heads, other norms. Sizes are small, shapes all different. */
const CONFIGS: Record<string, unknown>[] = [
  {
    c: 'LlamaForCausalLM',
    model_type: 'llama',
    num_key_value_heads: 2,
    attention_bias: true,
    mlp_bias: true,
  },
  { c: 'LlamaForCausalLM', model_type: 'llama', tie_word_embeddings: true, head_dim: 6 },
  { c: 'MistralForCausalLM', model_type: 'mistral', num_key_value_heads: 1, head_dim: 10 },
  { c: 'Qwen2ForCausalLM', model_type: 'qwen2', num_key_value_heads: 2, tie_word_embeddings: true },
  { c: 'GemmaForCausalLM', model_type: 'gemma', num_key_value_heads: 1, head_dim: 12 },
  { c: 'Gemma2ForCausalLM', model_type: 'gemma2', num_key_value_heads: 2, head_dim: 12 },
  { c: 'Phi3ForCausalLM', model_type: 'phi3', num_key_value_heads: 2, pad_token_id: 0 },
  { c: 'StableLmForCausalLM', model_type: 'stablelm', num_key_value_heads: 2, use_qkv_bias: true },
  { c: 'StableLmForCausalLM', model_type: 'stablelm', num_key_value_heads: 4, use_parallel_residual: true },
  { c: 'PhiForCausalLM', model_type: 'phi', num_key_value_heads: 2, qk_layernorm: true },
  { c: 'GPTNeoXForCausalLM', model_type: 'gpt_neox', attention_bias: false },
  { c: 'GPTNeoXForCausalLM', model_type: 'gpt_neox', tie_word_embeddings: true },
  {
    c: 'GPTJForCausalLM',
    model_type: 'gptj',
    n_embd: 32,
    n_head: 4,
    n_layer: 2,
    n_positions: 32,
    rotary_dim: 4,
  },
  {
    c: 'GPT2LMHeadModel',
    model_type: 'gpt2',
    n_embd: 32,
    n_head: 4,
    n_layer: 2,
    n_positions: 32,
    n_inner: 50,
  },
  { c: 'FalconForCausalLM', model_type: 'falcon', multi_query: true, bias: true, parallel_attn: false },
  {
    c: 'FalconForCausalLM',
    model_type: 'falcon',
    new_decoder_architecture: true,
    num_kv_heads: 2,
    ffn_hidden_size: 70,
  },
  { c: 'FalconForCausalLM', model_type: 'falcon', multi_query: false, tie_word_embeddings: false },
  {
    c: 'BartForCausalLM',
    model_type: 'bart',
    d_model: 32,
    decoder_layers: 2,
    decoder_ffn_dim: 50,
    decoder_attention_heads: 4,
    max_position_embeddings: 32,
    is_decoder: true,
    is_encoder_decoder: false,
  },
].map(({ c, ...config }) => ({
  architectures: [c],
  vocab_size: 97,
  hidden_size: 32,
  intermediate_size: 50,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  ...config,
}));

/** Keys that some class reads and others do not: a class that does not must not count by it. */
const FOREIGN: Record<string, unknown>[] = [
  { mlp_bias: true },
  { attention_bias: true },
  { use_qkv_bias: true },
  { use_parallel_residual: true },
  { parallel_attn: false },
  { bias: true },
];
const EVERY = [...CONFIGS, ...CONFIGS.flatMap((config) => FOREIGN.map((key) => ({ ...config, ...key })))];

/** Every parameter's shape as transformers builds it (no memory: the meta device), tied ones once. */
const SCRIPT = `
import json, sys, torch
from transformers import AutoConfig
import transformers
out = []
for raw in json.load(sys.stdin):
    name = raw["architectures"][0]
    config = AutoConfig.for_model(**raw)
    with torch.device("meta"):
        model = getattr(transformers, name)(config)
    model.tie_weights()
    # transformers 5 calls this matrix lm_head in memory; files keep the old name, which the pinned versions read.
    old = {"lm_head.weight": "embed_out.weight"} if name == "GPTNeoXForCausalLM" else {}
    out.append({old.get(n, n): list(p.shape) for n, p in model.named_parameters()})
print(json.dumps(out))
`;

it('builds what transformers builds, for every class of the schedule', { timeout: 240_000 }, async () => {
  const { python } = await findPython();
  const built = JSON.parse(
    execFileSync(python, ['-c', SCRIPT], { input: JSON.stringify(EVERY), encoding: 'utf8' }),
  );
  for (const [i, config] of EVERY.entries()) {
    const name = (config.architectures as string[])[0]!;
    const shapes = expectedShapes(name, config);
    expect(shapes, name).not.toBeNull();
    expect(Object.fromEntries([...shapes!].sort()), JSON.stringify(config)).toEqual(
      Object.fromEntries(Object.entries(built[i]).sort()),
    );
  }
});

it('knows every class that a schedule allows, and no other', () => {
  const { schedules, releases } = loadConstants();
  const periods = [
    ...Object.values(schedules).flatMap((s) => s.periods),
    ...releases.flatMap((r) => r.schedule),
  ];
  const allowed = periods.flatMap((p) => p.competitions.flatMap((c) => c.allowed_architectures ?? []));
  // Text to speech is no transformers class.
  const wanted = new Set(allowed.filter((name) => name !== 'E2TTS'));
  expect(Object.keys(loadArchitectures().architectures).sort()).toEqual([...wanted].sort());
});

it('has run every release that a profile pins, and the one that pt trains with', () => {
  const read = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
  const { releases, newest } = JSON.parse(read('constants/transformers.json'));
  const pinned = Object.values(loadConstants().profiles).flatMap(
    (profile) => profile.pretraining?.transformers ?? [],
  );
  expect(Object.keys(releases)).toEqual(expect.arrayContaining([...pinned, newest]));
  expect(read('python/requirements.txt')).toContain(`transformers==${newest};`);
  const known = Object.keys(loadArchitectures().architectures).sort();
  for (const classes of Object.values<object>(releases)) expect(Object.keys(classes).sort()).toEqual(known);
  expect(fateOf('4.38.0', 'LlamaForCausalLM', 'head_dim')).toBe('misfit');
  expect(fateOf('4.38.0', 'Gemma2ForCausalLM', 'head_dim')).toBeNull();
  expect(fateOf('4.44.1', 'constructor', 'name')).toBeNull();
});

it('answers hostile configs with null or a finite list, never with an exception', () => {
  const value = fc.oneof(
    fc.integer(),
    fc.constantFrom(0, -1, 1e308, null, 'x', [], {}, Number.NaN, 3, 8),
    fc.double(),
  );
  const keys = [
    'hidden_size',
    'num_attention_heads',
    'num_hidden_layers',
    'intermediate_size',
    'vocab_size',
    'head_dim',
    'n_embd',
    'n_layer',
    'tie_word_embeddings',
    'num_key_value_heads',
  ];
  fc.assert(
    fc.property(
      fc.constantFrom(...CONFIGS),
      fc.dictionary(fc.constantFrom(...keys), value),
      (config, changes) => {
        const name = (config.architectures as string[])[0]!;
        const shapes = expectedShapes(name, { ...config, ...changes });
        if (shapes) expect(Number.isFinite(countShapes(shapes))).toBe(true);
      },
    ),
    { numRuns: 300 },
  );
  expect(expectedShapes('constructor', {})).toBeNull();
  expect(expectedShapes('LlamaForCausalLM', { ...CONFIGS[0], num_hidden_layers: 1e9 })).toBeNull();
});

it.each([
  ['hidden_size', Number.POSITIVE_INFINITY],
  ['vocab_size', -1],
  ['intermediate_size', 1.5],
  ['num_attention_heads', '4'],
  ['num_hidden_layers', 1e9],
  ['num_hidden_layers', true],
])('says that nothing can be built with %s = %j', (key, value) => {
  expect(whyImpossible('LlamaForCausalLM', { ...CONFIGS[0], [key]: value })).toContain(key);
});

it('says that sizes which do not divide build nothing, and leaves open what it does not know', () => {
  const { head_dim: _, ...config } = CONFIGS[0]!;
  expect(whyImpossible('LlamaForCausalLM', { ...config, num_attention_heads: 7 })).toContain('divide');
  for (const known of CONFIGS) expect(whyImpossible((known.architectures as string[])[0]!, known)).toBeNull();
  expect(whyImpossible('LlamaForCausalLM', {})).toBeNull();
  expect(whyImpossible('UnknownForCausalLM', { hidden_size: -1 })).toBeNull();
});
