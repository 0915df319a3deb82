/** What the transformers that validators pin makes of a config. That the answers are true is shown by test/compat/run.py, against the releases. */
import { describe, expect, it } from 'vitest';
import { loadConstants } from '../../src/constants.ts';
import { type Competition, verdictOf, whyNoLoss } from '../../src/rules/index.ts';
import { checkPinned } from '../../src/rules/model/pinned.ts';

const { profiles } = loadConstants();
const competition = { sequence_length: 4096, from_pretrained_kwargs: {} } as Competition;
const SIZES = { hidden_size: 64, num_attention_heads: 4, num_hidden_layers: 4 };
const LLAMA3 = { rope_type: 'llama3', factor: 8, low_freq_factor: 1, high_freq_factor: 4 };
const WINDOW = { use_sliding_window: true, sliding_window: 1024 };

const judge = (profile: '3.2' | '6.0', architecture: string, config: object, wants = competition) =>
  checkPinned(architecture, { ...SIZES, ...config }, wants, profiles[profile].pretraining!);

it.each([
  ['LlamaForCausalLM', {}, 'ready', 'ready'],
  ['LlamaForCausalLM', { head_dim: 16, mlp_bias: false, rope_scaling: null }, 'ready', 'ready'],
  ['LlamaForCausalLM', { head_dim: 32 }, 'refused', 'refused'],
  ['LlamaForCausalLM', { mlp_bias: true }, 'cannot_score', 'ready'],
  ['LlamaForCausalLM', { rope_scaling: LLAMA3 }, 'refused', 'ready'],
  ['LlamaForCausalLM', { rope_scaling: { type: 'linear', factor: 2 } }, 'ready', 'ready'],
  ['LlamaForCausalLM', { rope_scaling: { rope_type: 'linear', factor: 2 } }, 'refused', 'ready'],
  ['LlamaForCausalLM', { rope_scaling: { type: 'linear', factor: 2, extra: 1 } }, 'refused', 'ready'],
  ['LlamaForCausalLM', { rope_scaling: { rope_type: 'default' } }, 'refused', 'ready'],
  ['LlamaForCausalLM', { rope_scaling: { rope_type: 'yarn', factor: 4 } }, 'refused', 'cannot_score'],
  [
    'LlamaForCausalLM',
    { rope_scaling: { type: 'longrope', short_factor: [], long_factor: [] } },
    'refused',
    'refused',
  ],
  ['LlamaForCausalLM', { rope_parameters: { rope_type: 'yarn', factor: 4 } }, 'refused', 'cannot_score'],
  [
    'LlamaForCausalLM',
    { rope_parameters: { rope_type: 'default', rope_theta: 5e5 } },
    'cannot_score',
    'cannot_score',
  ],
  ['LlamaForCausalLM', { rope_scaling: { rope_type: 'new' } }, 'unknown', 'unknown'],
  ['MistralForCausalLM', { rope_scaling: { type: 'linear', factor: 2 } }, 'cannot_score', 'cannot_score'],
  ['MistralForCausalLM', { rope_scaling: { rope_type: 'new' } }, 'cannot_score', 'cannot_score'],
  ['MistralForCausalLM', { head_dim: 32 }, 'refused', 'ready'],
  ['MistralForCausalLM', { sliding_window: 1024 }, 'ready', 'ready'],
  ['Qwen2ForCausalLM', { sliding_window: 1024 }, 'cannot_score', 'ready'],
  ['Qwen2ForCausalLM', { sliding_window: 32768, use_sliding_window: true }, 'ready', 'ready'],
  ['Qwen2ForCausalLM', { ...WINDOW, max_window_layers: 0 }, 'ready', 'cannot_score'],
  ['Qwen2ForCausalLM', { ...WINDOW, max_window_layers: 2 }, 'cannot_score', 'cannot_score'],
  ['Qwen2ForCausalLM', { ...WINDOW, max_window_layers: 9 }, 'cannot_score', 'ready'],
  ['Gemma2ForCausalLM', {}, 'refused', 'refused'], // sizes that are left out are others
  ['Gemma2ForCausalLM', { num_key_value_heads: 4, intermediate_size: 96 }, 'refused', 'cannot_score'], // and so is query_pre_attn_scalar
  [
    'Gemma2ForCausalLM',
    { query_pre_attn_scalar: 256, num_key_value_heads: 4, intermediate_size: 96 },
    'refused',
    'ready',
  ],
  ['Phi3ForCausalLM', {}, 'refused', 'ready'],
  ['Phi3ForCausalLM', { sliding_window: 1024 }, 'refused', 'cannot_score'],
  ['PhiForCausalLM', { qk_layernorm: true }, 'cannot_score', 'cannot_score'], // they load it, and fail when they run it
  ['StableLmForCausalLM', { qk_layernorm: true }, 'cannot_score', 'ready'],
  ['StableLmForCausalLM', { use_parallel_residual: true }, 'cannot_score', 'ready'],
  ['FalconForCausalLM', { ffn_hidden_size: 160 }, 'refused', 'cannot_score'], // by the empty cache
  ['FalconForCausalLM', { ffn_hidden_size: 256 }, 'ready', 'cannot_score'],
  [
    'FalconForCausalLM',
    { new_decoder_architecture: true, num_ln_in_parallel_attn: 1 },
    'cannot_score',
    'cannot_score',
  ],
  ['GemmaForCausalLM', { head_dim: 16, hidden_act: 'gelu' }, 'ready', 'ready'],
  ['GemmaForCausalLM', { head_dim: 16, hidden_act: 'relu' }, 'ready', 'cannot_score'],
  ['GemmaForCausalLM', { head_dim: 16, hidden_act: 'relu', hidden_activation: 'relu' }, 'ready', 'ready'],
  ['GemmaForCausalLM', {}, 'cannot_score', 'ready'], // heads of 256, left out, are not hidden_size / heads
  ['GPT2LMHeadModel', { n_embd: 64, rope_parameters: { rope_theta: 1 } }, 'ready', 'cannot_score'],
  ['GPTJForCausalLM', { rotary_dim: 7 }, 'cannot_score', 'cannot_score'],
  ['GPTJForCausalLM', { rotary_dim: 1 }, 'cannot_score', 'cannot_score'],
  ['NewForCausalLM', { head_dim: 32 }, 'ready', 'ready'], // of which nothing is known: another rule says so
] as const)('%s with %o is %s for 3.2 and %s for 6.0', (architecture, config, first, second) => {
  expect(verdictOf(judge('3.2', architecture, config))).toBe(first);
  expect(verdictOf(judge('6.0', architecture, config))).toBe(second);
});

describe('what is said', () => {
  it.each([
    [{ head_dim: 32 }, 'ignores head_dim 32 and fails on the shapes'],
    [{ mlp_bias: true }, 'ignores mlp_bias true: other logits'],
    [{ rope_scaling: LLAMA3 }, 'fails on rope_scaling of type llama3'],
  ])('%o: names release and key', (config, words) => {
    const { message } = judge('3.2', 'LlamaForCausalLM', config)[0]!;
    expect(message).toContain('transformers 4.38.0, which validators pin,');
    expect(message).toContain(words);
  });

  it('knows which classes have no flash attention, and which get no loss from an empty cache', () => {
    const flash = {
      ...competition,
      from_pretrained_kwargs: { attn_implementation: 'flash_attention_2' },
    } as Competition;
    expect(verdictOf(judge('3.2', 'GPTJForCausalLM', {}, flash))).toBe('refused');
    expect(verdictOf(judge('3.2', 'LlamaForCausalLM', {}, flash))).toBe('ready');
    const none = [
      'GPTNeoXForCausalLM',
      'FalconForCausalLM',
      'BartForCausalLM',
      'GPT2LMHeadModel',
      'GPTJForCausalLM',
    ];
    for (const name of none) expect(whyNoLoss(name, profiles['6.0'])).toContain('infinite loss');
    for (const name of none) expect(whyNoLoss(name, profiles['3.2'])).toBeNull();
    for (const name of ['Llama', 'Mistral', 'Qwen2', 'Phi', 'Gemma', 'Gemma2', 'Phi3', 'StableLm'])
      expect(whyNoLoss(`${name}ForCausalLM`, profiles['6.0'])).toBeNull();
  });
});
