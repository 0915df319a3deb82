import {
  closeSync,
  cpSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { loadConstants } from '../../src/constants.ts';
import { expectedShapes } from '../../src/model/index.ts';

export const constants = loadConstants();
export const old = constants.profiles['3.2'];
export const late = constants.profiles['6.0'];

const folders: string[] = [];
afterEach(() => {
  for (const dir of folders.splice(0)) rmSync(dir, { recursive: true, force: true });
});

export function tempDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'pt-model-'));
  folders.push(dir);
  return dir;
}

export interface Tensor {
  name: string;
  dtype: string;
  shape: number[];
  bytes: Uint8Array;
}

/** A whole safetensors file. */
export function safetensors(tensors: Tensor[], metadata: object | null = { format: 'pt' }): Buffer {
  let at = 0;
  const entries = tensors.map(({ name, dtype, shape, bytes }) => {
    const begin = at;
    at += bytes.length;
    return `${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [begin, at] })}`;
  });
  if (metadata) entries.unshift(`"__metadata__":${JSON.stringify(metadata)}`);
  const json = Buffer.from(`{${entries.join(',')}}`);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, ...tensors.map((t) => t.bytes)]);
}

export function f32(name: string, values: number[], shape = [values.length]): Tensor {
  return { name, dtype: 'F32', shape, bytes: new Uint8Array(Float32Array.from(values).buffer) };
}

/** A tiny Llama config, 2 layers; whatever is given replaces its keys. */
export function llamaConfig(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    vocab_size: 4096,
    hidden_size: 8,
    intermediate_size: 16,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    max_position_embeddings: 256,
    tie_word_embeddings: false,
    rope_theta: 10000,
    torch_dtype: 'float32',
    ...changes,
  };
}

/** A folder whose tensors are what the config's class builds, filled with a fixed pattern. */
export function writeModel(
  dir: string,
  config: Record<string, unknown> = llamaConfig(),
  files: Record<string, string> = {},
): string {
  mkdirSync(dir, { recursive: true });
  const shapes = expectedShapes((config.architectures as string[])[0]!, config)!;
  const tensors = [...shapes].map(([name, shape], i) => {
    const count = shape.reduce((a, b) => a * b, 1);
    return f32(
      name,
      Array.from({ length: count }, (_, k) => Math.sin(i * 1009 + k) / 8),
      shape,
    );
  });
  writeFileSync(join(dir, 'config.json'), JSON.stringify(config, null, 2));
  writeFileSync(join(dir, 'model.safetensors'), safetensors(tensors));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
  return dir;
}

/** Adds the tokenizer that the sandbox's competition uses. */
export function withBuiltinTokenizer(dir: string): string {
  cpSync(join(constants.dir, 'tokenizers', 'builtin'), dir, { recursive: true });
  return dir;
}

/** The same as shards with an index, holes instead of weights: a model of any size that takes no disk. */
export function writeSparseModel(
  dir: string,
  config: Record<string, unknown>,
  shards: number,
  dtype = 'BF16',
): void {
  mkdirSync(dir, { recursive: true });
  const shapes = [...expectedShapes((config.architectures as string[])[0]!, config)!];
  const width = dtype === 'F32' ? 4 : 2;
  const weightMap: Record<string, string> = {};
  for (let s = 0; s < shards; s++) {
    const file = `model-${String(s + 1).padStart(5, '0')}-of-${String(shards).padStart(5, '0')}.safetensors`;
    const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
    let at = 0;
    for (const [name, shape] of shapes.filter((_, i) => Math.floor((i * shards) / shapes.length) === s)) {
      const size = shape.reduce((a, b) => a * b, 1) * width;
      header[name] = { dtype, shape, data_offsets: [at, at + size] };
      weightMap[name] = file;
      at += size;
    }
    const json = Buffer.from(JSON.stringify(header));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(json.length));
    const fd = openSync(join(dir, file), 'w');
    writeSync(fd, Buffer.concat([length, json]));
    ftruncateSync(fd, 8 + json.length + at);
    closeSync(fd);
  }
  writeFileSync(join(dir, 'config.json'), JSON.stringify(config));
  writeFileSync(
    join(dir, 'model.safetensors.index.json'),
    JSON.stringify({ metadata: {}, weight_map: weightMap }),
  );
}

/** A Llama of 13.8 billion parameters. */
export const LLAMA_14B = llamaConfig({
  vocab_size: 100277,
  hidden_size: 5120,
  intermediate_size: 14336,
  num_hidden_layers: 45,
  num_attention_heads: 40,
  num_key_value_heads: 8,
  max_position_embeddings: 4096,
  torch_dtype: 'bfloat16',
});
