/**
 * Models on which transformers 4.38.0 or 4.44.1 fails or computes something else, each through the built `pt check` under both profiles, beside
 * its neighbour on which it does not. That the answers are true is shown by `npm run test:compat`, which runs both releases.
 */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runPt } from '../commands/run-pt.ts';
import { tempDir, writeModel } from '../model/support.ts';

const SIZES = {
  vocab_size: 4096,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 256,
  torch_dtype: 'float32',
};
const CLASSES: Record<string, { model_type: string; architectures: string[] } & Record<string, unknown>> = {
  Llama: { model_type: 'llama', architectures: ['LlamaForCausalLM'], ...SIZES },
  Mistral: { model_type: 'mistral', architectures: ['MistralForCausalLM'], ...SIZES },
  Qwen2: { model_type: 'qwen2', architectures: ['Qwen2ForCausalLM'], ...SIZES },
  Gemma2: {
    model_type: 'gemma2',
    architectures: ['Gemma2ForCausalLM'],
    ...SIZES,
    head_dim: 4,
    query_pre_attn_scalar: 4,
  },
  Phi: { model_type: 'phi', architectures: ['PhiForCausalLM'], ...SIZES },
  Phi3: { model_type: 'phi3', architectures: ['Phi3ForCausalLM'], ...SIZES, pad_token_id: 0 },
  StableLm: { model_type: 'stablelm', architectures: ['StableLmForCausalLM'], ...SIZES },
  Falcon: { model_type: 'falcon', architectures: ['FalconForCausalLM'], ...SIZES, alibi: false },
};
const LLAMA3 = { factor: 8, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 128 };
const LONG = { short_factor: [1, 1], long_factor: [2, 2] };
const WINDOW = { use_sliding_window: true, sliding_window: 64 };
const [ready, refused, lost] = ['ready', 'refused', 'cannot_score'];

it.each([
  ['Llama', {}, ready, ready],
  ['Llama', { rope_scaling: { type: 'linear', factor: 2 } }, ready, ready],
  ['Llama', { rope_scaling: { rope_type: 'linear', factor: 2 } }, refused, ready],
  ['Llama', { rope_scaling: { type: 'dynamic', factor: 2 } }, ready, ready],
  ['Llama', { rope_scaling: { rope_type: 'dynamic', factor: 2 } }, refused, ready],
  ['Llama', { rope_scaling: { rope_type: 'llama3', ...LLAMA3 } }, refused, ready],
  ['Llama', { rope_scaling: { type: 'yarn', factor: 4 } }, refused, lost],
  ['Llama', { rope_scaling: { type: 'longrope', ...LONG } }, refused, refused],
  ['Mistral', { rope_scaling: { type: 'linear', factor: 2 } }, lost, lost],
  ['Llama', { rope_parameters: { rope_type: 'default', rope_theta: 5e5 } }, lost, lost],
  ['Llama', { rope_theta: 5e5, rope_parameters: { rope_type: 'default', rope_theta: 5e5 } }, ready, ready],
  ['Llama', { head_dim: 4 }, ready, ready],
  ['Llama', { head_dim: 8 }, refused, refused],
  ['Mistral', { head_dim: 8 }, refused, ready],
  ['Gemma2', {}, refused, ready],
  ['Phi3', {}, refused, ready],
  ['Falcon', { ffn_hidden_size: 64 }, ready, lost],
  ['Falcon', { ffn_hidden_size: 48 }, refused, lost],
  ['Phi', {}, ready, ready],
  ['Phi', { qk_layernorm: true }, lost, lost],
  ['Llama', { mlp_bias: true }, lost, ready],
  ['Llama', { mlp_bias: false, attention_bias: true }, ready, ready],
  ['StableLm', { use_parallel_residual: true }, lost, ready],
  ['StableLm', { use_qkv_bias: true }, ready, ready],
  ['StableLm', { qk_layernorm: true }, lost, ready],
  ['Qwen2', WINDOW, lost, ready],
  ['Qwen2', { ...WINDOW, max_window_layers: 0 }, ready, lost],
  ['Qwen2', { ...WINDOW, max_window_layers: 1 }, lost, lost],
  ['Qwen2', { sliding_window: 64 }, lost, ready],
  // Ids: 4.38.0 takes the end of text out of the logits by its number, 4.44.1 does not.
  ['Llama', { eos_token_id: 4095 }, ready, ready],
  ['Llama', { eos_token_id: 4096 }, lost, ready],
  ['Llama', { eos_token_id: [2, 5000] }, lost, ready],
  ['Qwen2', { eos_token_id: -5000 }, lost, ready],
  ['Llama', { pad_token_id: 5000 }, refused, refused],
  ['Llama', { bos_token_id: 5000 }, ready, ready],
  ['Llama', { return_dict: false }, lost, lost],
  ['Llama', { num_return_sequences: 2 }, refused, refused],
  // Its mask ends at twice the declared positions.
  ['Llama', { max_position_embeddings: 64 }, ready, ready],
  ['Llama', { max_position_embeddings: 48 }, lost, ready],
] as const)('%s with %j is %s for 3.2 and %s for 6.0', async (name, changes, first, second) => {
  const dir = join(tempDir(), 'model');
  const config = { ...CLASSES[name], ...changes };
  // Which norms StableLM then builds no layout tells, so that check does not look for them.
  const built = name === 'StableLm' ? { ...config, qk_layernorm: false } : config;
  writeModel(dir, built, { 'config.json': JSON.stringify(config) });
  for (const [profile, verdict] of [
    ['3.2', first],
    ['6.0', second],
  ] as const) {
    const args = ['check', dir, '--offline', '--network', 'sandbox', '--profile', profile, '--json'];
    const ran = await runPt(args, { env: { PT_HOME: tempDir() } });
    const { findings, ...said } = ran.json() as unknown as {
      verdict: string;
      findings: { message: string }[];
    };
    expect(said.verdict, `${profile}: ${findings.map(({ message }) => message).join('\n')}`).toBe(verdict);
    expect(ran.code).toBe(verdict === 'ready' ? 0 : 3);
  }
});

it.each([
  [{ eos_token_id: 5000 }, {}, ready],
  [{ eos_token_id: 2 }, { eos_token_id: 5000 }, lost],
  [{ eos_token_id: 2 }, { eos_token_id: [2, 4095] }, ready],
  [{}, { return_dict_in_generate: true }, lost],
])(
  'config.json %j beside generation_config.json %j: the latter makes the samples, %s',
  async (config, generation, verdict) => {
    const dir = join(tempDir(), 'model');
    writeModel(
      dir,
      { ...CLASSES.Llama, ...config },
      { 'generation_config.json': JSON.stringify(generation) },
    );
    const args = ['check', dir, '--offline', '--network', 'sandbox', '--json'];
    const ran = await runPt(args, { env: { PT_HOME: tempDir() } });
    expect(ran.json().verdict).toBe(verdict);
  },
);
