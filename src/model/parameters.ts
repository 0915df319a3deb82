/** How many parameters a model has, from its headers and config: what validators sum over `model.parameters()`. */
import type { JsonObject } from './json.ts';
import type { TensorInfo } from './types.ts';

/** Names of the output matrix that may share its memory with the input embedding. */
const OUTPUT = ['lm_head.weight', 'embed_out.weight'];
/** Names of the input embedding, in the classes that competitions allow. */
const INPUT = [
  'model.embed_tokens.weight',
  'gpt_neox.embed_in.weight',
  'transformer.wte.weight',
  'transformer.word_embeddings.weight',
  'model.decoder.embed_tokens.weight',
];

/** Tensors that a class registers as buffers: in the file of older versions, never among the parameters. */
const BUFFERS = [
  /(^|\.)rotary_emb\.(inv_freq|cos_cached|sin_cached)$/,
  /\.attn\.(bias|masked_bias)$/,
  /\.attention\.(bias|masked_bias|norm_factor)$/,
  /\.attn\.attention\.(bias|masked_bias)$/,
  /\.embed_positions$/,
];

/** Model types whose class ties output and input unless the config says otherwise. */
const TIED_BY_DEFAULT = new Set(['gpt2', 'gemma', 'gemma2', 'falcon', 'bart', 'opt', 'bloom']);

/** Whether output and input embedding are one matrix. */
export function tiesEmbeddings(config: JsonObject): boolean {
  const given = config.tie_word_embeddings;
  return typeof given === 'boolean' ? given : TIED_BY_DEFAULT.has(String(config.model_type));
}

/** Elements of a shape. */
export function elements(shape: number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Whether a tensor of this name and shape is a buffer. */
export function isBuffer({ name, shape }: Pick<TensorInfo, 'name' | 'shape'>): boolean {
  // `attn.bias` is also the name of no parameter in these classes, but the causal mask has four dimensions: be exact.
  if (/\.(attn|attention)\.bias$/.test(name)) return shape.length === 4;
  return BUFFERS.some((pattern) => pattern.test(name));
}

/** Unique parameters: tied weights once, buffers not; an untied output matrix that the file lacks is made on loading and counts. */
export function countParameters(tensors: Pick<TensorInfo, 'name' | 'shape'>[], config: JsonObject): number {
  const tied = tiesEmbeddings(config);
  const input = tensors.find((t) => INPUT.includes(t.name));
  const output = tensors.find((t) => OUTPUT.includes(t.name));
  let count = 0;
  for (const tensor of tensors) {
    if (isBuffer(tensor) || (tied && input && tensor === output)) continue;
    count += elements(tensor.shape);
  }
  if (!tied && input && !output) count += elements(input.shape);
  return count;
}
