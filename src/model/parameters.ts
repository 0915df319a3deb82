/** How many parameters a model has, from its headers and config: what validators sum over `model.parameters()`. */
import type { Finding } from '../rules/types.ts';
import { expectedShapes, type Shapes, tiesEmbeddings, whyImpossible } from './architectures.ts';
import type { JsonObject } from './json.ts';
import { problem } from './problem.ts';
import type { TensorInfo } from './types.ts';

type Tensor = Pick<TensorInfo, 'name' | 'shape'>;

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

/** Tensors that a class registers as buffers: in the files of older versions, never among the parameters. */
const BUFFERS = [
  /(^|\.)rotary_emb\.(inv_freq|cos_cached|sin_cached)$/,
  /\.(attn|attention)\.(masked_bias|norm_factor)$/,
  /\.attn\.embed_positions$/,
];

/** Elements of a shape. */
function elements(shape: number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Whether a tensor of this name and shape is a buffer. The causal mask `attn.bias` has four dimensions, a bias one. */
function isBuffer({ name, shape }: Tensor): boolean {
  return (
    (/\.(attn|attention)\.bias$/.test(name) && shape.length === 4) ||
    BUFFERS.some((pattern) => pattern.test(name))
  );
}

/** Unique parameters that the class builds from the config, or, for classes not known here, those of the file: tied weights once, buffers not. */
export function countParameters(tensors: Tensor[], architecture: string | null, config: JsonObject): number {
  const expected = expectedShapes(architecture, config);
  return expected ? countShapes(expected) : countTensors(tensors, architecture, config);
}

/** Sum over a class's own parameters. */
export function countShapes(shapes: Shapes): number {
  return [...shapes.values()].reduce((sum, shape) => sum + elements(shape), 0);
}

/** The count from the file alone; an untied output matrix that the file lacks is made on loading and counts. */
export function countTensors(tensors: Tensor[], architecture: string | null, config: JsonObject): number {
  const tied = tiesEmbeddings(architecture, config);
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

/** Whether the file holds what the class builds: another shape does not load; a missing tensor starts from random numbers. */
export function checkTensors(tensors: Tensor[], architecture: string | null, config: JsonObject): Finding[] {
  const expected = expectedShapes(architecture, config);
  if (!expected) {
    const impossible = whyImpossible(architecture, config);
    return impossible === null
      ? []
      : [problem('config', `config.json: ${impossible}. ${architecture} cannot be built from it.`)];
  }
  const found = new Map(tensors.map((t) => [t.name, t.shape]));
  const wrong: string[] = [];
  const missing: string[] = [];
  for (const [name, shape] of expected) {
    // Files saved from the base model lack the first part of every name; loading adds it.
    const actual = found.get(name) ?? found.get(name.slice(name.indexOf('.') + 1));
    if (!actual) missing.push(name);
    else if (actual.length !== shape.length || actual.some((size, i) => size !== shape[i]))
      wrong.push(`${name} is [${actual}], not [${shape}]`);
  }
  const refuse = (message: string, actual: unknown): Finding => ({
    rule: 'tensors',
    ok: false,
    actual,
    limit: architecture,
    message,
  });
  return [
    ...(wrong.length > 0
      ? [
          refuse(
            `Shapes do not fit config.json: ${some(wrong)}. The model does not load.`,
            wrong.slice(0, 20),
          ),
        ]
      : []),
    ...(missing.length > 0
      ? [
          refuse(
            `Weights are missing: ${some(missing)}. Loading fills them with random numbers.`,
            missing.slice(0, 20),
          ),
        ]
      : []),
  ];
}

function some(list: string[]): string {
  return list.length <= 3 ? list.join(', ') : `${list.slice(0, 3).join(', ')} and ${list.length - 3} more`;
}
