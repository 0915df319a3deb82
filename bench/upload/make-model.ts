import { once } from 'node:events';
import { createWriteStream, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Writes an untrained Llama with random fp32 weights of about `gibibytes` GiB as transformers would save it: one file, real shapes, so that
 * `from_pretrained` loads it. Returns the bytes of its weights.
 */
export async function makeModel(dir: string, gibibytes: number): Promise<number> {
  const hidden = 2048;
  const inner = 5632;
  const vocabulary = 32_000;
  const perLayer = 4 * hidden * hidden + 3 * hidden * inner + 2 * hidden;
  const fixed = 2 * vocabulary * hidden + hidden;
  const layers = Math.max(1, Math.round((gibibytes * 2 ** 28 - fixed) / perLayer));
  const tensors: [string, number[]][] = [['model.embed_tokens.weight', [vocabulary, hidden]]];
  for (let n = 0; n < layers; n += 1) {
    const name = (rest: string) => `model.layers.${n}.${rest}.weight`;
    for (const part of ['q', 'k', 'v', 'o']) tensors.push([name(`self_attn.${part}_proj`), [hidden, hidden]]);
    for (const part of ['gate', 'up']) tensors.push([name(`mlp.${part}_proj`), [inner, hidden]]);
    tensors.push([name('mlp.down_proj'), [hidden, inner]]);
    for (const part of ['input', 'post_attention']) tensors.push([name(`${part}_layernorm`), [hidden]]);
  }
  tensors.push(['model.norm.weight', [hidden]], ['lm_head.weight', [vocabulary, hidden]]);

  mkdirSync(dir, { recursive: true });
  const config = {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    hidden_size: hidden,
    intermediate_size: inner,
    num_hidden_layers: layers,
    num_attention_heads: 16,
    num_key_value_heads: 16,
    vocab_size: vocabulary,
    max_position_embeddings: 2048,
    rms_norm_eps: 1e-5,
    rope_theta: 10_000,
    hidden_act: 'silu',
    tie_word_embeddings: false,
    torch_dtype: 'float32',
  };
  writeFileSync(join(dir, 'config.json'), JSON.stringify(config, null, 2));

  let at = 0;
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  for (const [name, shape] of tensors) {
    const size = 4 * shape.reduce((product, side) => product * side, 1);
    header[name] = { dtype: 'F32', shape, data_offsets: [at, at + size] };
    at += size;
  }
  const json = Buffer.from(JSON.stringify(header));
  const padding = Buffer.alloc((8 - (json.length % 8)) % 8, ' ');
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length + padding.length));
  const out = createWriteStream(join(dir, 'model.safetensors'), { highWaterMark: 1 << 24 });
  out.write(Buffer.concat([length, json, padding]));
  const block = Float32Array.from({ length: 1 << 22 }, () => (Math.random() - 0.5) * 0.04);
  for (let left = at; left > 0; left -= block.byteLength) {
    const bytes = Buffer.from(block.buffer.slice(0, Math.min(left, block.byteLength)));
    if (!out.write(bytes)) await once(out, 'drain');
  }
  out.end();
  await once(out, 'finish');
  return at;
}
