import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { findPython } from '../../src/bridge/index.ts';
import { countActive, inspectFolder } from '../../src/model/index.ts';
import { old, tempDir } from './support.ts';

const SIZES = {
  vocab_size: 128,
  hidden_size: 32,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 2,
  moe_intermediate_size: 16,
  num_experts_per_tok: 2,
  tie_word_embeddings: false,
};
const SHAPES = {
  qwen3_moe: { model_type: 'qwen3_moe', num_experts: 5, head_dim: 16, ...SIZES },
  qwen3_5_moe: {
    ...{ model_type: 'qwen3_5_moe_text', num_experts: 6, head_dim: 16, shared_expert_intermediate_size: 16 },
    ...{
      linear_num_key_heads: 2,
      linear_num_value_heads: 2,
      linear_key_head_dim: 8,
      linear_value_head_dim: 8,
    },
    ...{ layer_types: ['full_attention', 'linear_attention'], ...SIZES },
  },
  deepseek_v3: {
    ...{ model_type: 'deepseek_v3', n_routed_experts: 4, n_shared_experts: 1, n_group: 2, topk_group: 1 },
    ...{ first_k_dense_replace: 1, intermediate_size: 64, q_lora_rank: 8, kv_lora_rank: 8 },
    ...{ qk_rope_head_dim: 8, qk_nope_head_dim: 8, v_head_dim: 8, ...SIZES },
  },
};

/** Saves a model of each shape and tells how many parameters it has, and how many of its experts' one token gives a gradient. */
const SCRIPT = `
import json, sys, torch
from transformers import AutoConfig, AutoModelForCausalLM
out, (shapes, folder) = {}, json.load(sys.stdin)
for name, raw in shapes.items():
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(**raw))
    model.save_pretrained(f"{folder}/{name}")
    model(torch.tensor([[7]])).logits.square().sum().backward()
    idle = sum(g.grad[i].numel() for g in model.parameters() if g.dim() == 3 for i in range(len(g)) if not g.grad[i].any())
    total = sum(p.numel() for p in model.parameters())
    out[name] = {"parameters": total, "activeParameters": total - idle}
print(json.dumps(out))
`;

it('counts the parameters of a mixture, and those that a token goes through, as transformers does', {
  timeout: 120_000,
}, async () => {
  const { python } = await findPython();
  const folder = tempDir();
  const input = JSON.stringify([SHAPES, folder]);
  const found = JSON.parse(execFileSync(python, ['-c', SCRIPT], { input, encoding: 'utf8' }));
  expect(Object.keys(found)).toEqual(Object.keys(SHAPES));
  for (const [name, counts] of Object.entries<{ parameters: number; activeParameters: number }>(found)) {
    expect(await inspectFolder(join(folder, name), old), name).toMatchObject(counts);
    expect(counts.activeParameters, name).toBeLessThan(counts.parameters);
  }
});

it('goes by the config, wherever it has the sizes, and tells nothing where it has none', () => {
  const tensors = [
    { name: 'embed', shape: [10, 4] },
    { name: 'layers.0.mlp.experts.gate_up_proj', shape: [8, 4, 6] },
    { name: 'layers.0.mlp.shared_experts.up_proj', shape: [4, 6] },
  ];
  const total = 40 + 8 * 24 + 24;
  const sizes = { num_experts: 8, num_experts_per_tok: 3 };
  expect(countActive(total, tensors, sizes)).toBe(40 + 3 * 24 + 24);
  expect(countActive(total, tensors, { text_config: sizes })).toBe(40 + 3 * 24 + 24);
  expect(countActive(64, tensors.toSpliced(1, 1), {})).toBe(64);
  for (const odd of [
    {},
    { num_experts: 8 },
    { ...sizes, num_experts_per_tok: 9 },
    { ...sizes, num_experts: '8' },
  ])
    expect(countActive(total, tensors, odd)).toBeNull();
});
