/**
 * The parameters that each allowed class builds from its config, so that a count and a check of every tensor's shape need no Python.
 * Names and shapes as transformers 4.38 to 5 build them.
 */
import type { JsonObject } from './json.ts';

/** Parameter shapes by name; a tied output matrix is left out. */
export type Shapes = Map<string, number[]>;

/** More layers than any model has: a hostile config must not make a list of billions. */
const MAX_LAYERS = 2000;

/** The config leaves open what the class builds. */
class Unknown extends Error {}

/** No version of the class can be built from the config; the message says why. */
class Impossible extends Error {}

/** Reads a config with the class's defaults. */
interface Reader {
  /** A whole number above 0; the first key present counts. Without a default, absence makes the class unknown. */
  int(keys: string[], fallback?: number): number;
  flag(key: string, fallback: boolean): boolean;
}

function reader(config: JsonObject): Reader {
  return {
    int(keys, fallback) {
      for (const key of keys) {
        const value = config[key];
        if (value === undefined || value === null) continue;
        if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0 || value > 1e9)
          throw new Impossible(`${key} is ${JSON.stringify(value)?.slice(0, 40)}, no size`);
        if (value === 0) throw new Unknown();
        return value;
      }
      if (fallback === undefined) throw new Unknown();
      return fallback;
    },
    flag(key, fallback) {
      const value = config[key];
      return typeof value === 'boolean' ? value : fallback;
    },
  };
}

/** Collects shapes under a prefix. */
function collector(shapes: Shapes, prefix = '') {
  return {
    /** A linear layer's `weight` [out, in], and `bias` [out] when it has one. */
    linear(name: string, out: number, input: number, bias: boolean): void {
      shapes.set(`${prefix}${name}.weight`, [out, input]);
      if (bias) shapes.set(`${prefix}${name}.bias`, [out]);
    },
    norm(name: string, size: number, bias: boolean): void {
      shapes.set(`${prefix}${name}.weight`, [size]);
      if (bias) shapes.set(`${prefix}${name}.bias`, [size]);
    },
    table(name: string, rows: number, columns: number): void {
      shapes.set(`${prefix}${name}.weight`, [rows, columns]);
    },
  };
}

type Build = (c: Reader, shapes: Shapes, tied: boolean) => void;

/** Llama and its relatives: what differs is biases, head size, and which norms there are. */
function llamaLike(options: {
  qkvBias: (c: Reader) => boolean;
  outBias: (c: Reader) => boolean;
  headDim?: number;
  norms?: string[];
  normBias?: boolean;
}): Build {
  return (c, shapes, tied) => {
    const hidden = c.int(['hidden_size']);
    const heads = c.int(['num_attention_heads']);
    const kv = c.int(['num_key_value_heads'], heads);
    const head = c.int(['head_dim'], options.headDim ?? hidden / heads);
    const inner = c.int(['intermediate_size']);
    const normBias = options.normBias ?? false;
    const top = collector(shapes);
    top.table('model.embed_tokens', c.int(['vocab_size']), hidden);
    for (let i = 0; i < layers(c, ['num_hidden_layers']); i++) {
      const layer = collector(shapes, `model.layers.${i}.`);
      for (const norm of options.norms ?? ['input_layernorm', 'post_attention_layernorm'])
        layer.norm(norm, hidden, normBias);
      const bias = options.qkvBias(c);
      layer.linear('self_attn.q_proj', heads * head, hidden, bias);
      layer.linear('self_attn.k_proj', kv * head, hidden, bias);
      layer.linear('self_attn.v_proj', kv * head, hidden, bias);
      layer.linear('self_attn.o_proj', hidden, heads * head, options.outBias(c));
      const mlpBias = c.flag('mlp_bias', false);
      layer.linear('mlp.gate_proj', inner, hidden, mlpBias);
      layer.linear('mlp.up_proj', inner, hidden, mlpBias);
      layer.linear('mlp.down_proj', hidden, inner, mlpBias);
    }
    top.norm('model.norm', hidden, normBias);
    if (!tied) top.table('lm_head', c.int(['vocab_size']), hidden);
  };
}

const never = () => false;
const always = () => true;
const attentionBias = (c: Reader) => c.flag('attention_bias', false);

const phi3: Build = (c, shapes, tied) => {
  const hidden = c.int(['hidden_size']);
  const heads = c.int(['num_attention_heads']);
  const kv = c.int(['num_key_value_heads'], heads);
  const head = hidden / heads;
  const inner = c.int(['intermediate_size']);
  const top = collector(shapes);
  top.table('model.embed_tokens', c.int(['vocab_size']), hidden);
  for (let i = 0; i < layers(c, ['num_hidden_layers']); i++) {
    const layer = collector(shapes, `model.layers.${i}.`);
    layer.norm('input_layernorm', hidden, false);
    layer.norm('post_attention_layernorm', hidden, false);
    layer.linear('self_attn.qkv_proj', (heads + 2 * kv) * head, hidden, false);
    layer.linear('self_attn.o_proj', hidden, heads * head, false);
    layer.linear('mlp.gate_up_proj', 2 * inner, hidden, false);
    layer.linear('mlp.down_proj', hidden, inner, false);
  }
  top.norm('model.norm', hidden, false);
  if (!tied) top.table('lm_head', c.int(['vocab_size']), hidden);
};

const stablelm: Build = (c, shapes, tied) => {
  // Its per-head norms are laid out differently from version to version.
  if (c.flag('qk_layernorm', false)) throw new Unknown();
  const parallel = c.flag('use_parallel_residual', false);
  llamaLike({
    qkvBias: (r) => r.flag('use_qkv_bias', false),
    outBias: never,
    norms: parallel ? ['input_layernorm'] : ['input_layernorm', 'post_attention_layernorm'],
    normBias: true,
  })(c, shapes, tied);
};

const phi: Build = (c, shapes, tied) => {
  const hidden = c.int(['hidden_size']);
  const heads = c.int(['num_attention_heads']);
  const kv = c.int(['num_key_value_heads'], heads);
  const head = hidden / heads;
  const inner = c.int(['intermediate_size']);
  const vocabulary = c.int(['vocab_size']);
  const top = collector(shapes);
  top.table('model.embed_tokens', vocabulary, hidden);
  for (let i = 0; i < layers(c, ['num_hidden_layers']); i++) {
    const layer = collector(shapes, `model.layers.${i}.`);
    layer.norm('input_layernorm', hidden, true);
    layer.linear('self_attn.q_proj', heads * head, hidden, true);
    layer.linear('self_attn.k_proj', kv * head, hidden, true);
    layer.linear('self_attn.v_proj', kv * head, hidden, true);
    layer.linear('self_attn.dense', hidden, heads * head, true);
    if (c.flag('qk_layernorm', false)) {
      layer.norm('self_attn.q_layernorm', head, true);
      layer.norm('self_attn.k_layernorm', head, true);
    }
    layer.linear('mlp.fc1', inner, hidden, true);
    layer.linear('mlp.fc2', hidden, inner, true);
  }
  top.norm('model.final_layernorm', hidden, true);
  if (!tied) top.table('lm_head', vocabulary, hidden);
  shapes.set('lm_head.bias', [vocabulary]);
};

const gptNeoX: Build = (c, shapes, tied) => {
  const hidden = c.int(['hidden_size']);
  const inner = c.int(['intermediate_size']);
  const vocabulary = c.int(['vocab_size']);
  const bias = c.flag('attention_bias', true);
  const top = collector(shapes);
  top.table('gpt_neox.embed_in', vocabulary, hidden);
  for (let i = 0; i < layers(c, ['num_hidden_layers']); i++) {
    const layer = collector(shapes, `gpt_neox.layers.${i}.`);
    layer.norm('input_layernorm', hidden, true);
    layer.norm('post_attention_layernorm', hidden, true);
    layer.linear('attention.query_key_value', 3 * hidden, hidden, bias);
    layer.linear('attention.dense', hidden, hidden, bias);
    layer.linear('mlp.dense_h_to_4h', inner, hidden, true);
    layer.linear('mlp.dense_4h_to_h', hidden, inner, true);
  }
  top.norm('gpt_neox.final_layer_norm', hidden, true);
  if (!tied) top.table('embed_out', vocabulary, hidden);
};

const gptJ: Build = (c, shapes, tied) => {
  const hidden = c.int(['n_embd', 'hidden_size']);
  const inner = c.int(['n_inner'], 4 * hidden);
  const vocabulary = c.int(['vocab_size']);
  const top = collector(shapes);
  top.table('transformer.wte', vocabulary, hidden);
  for (let i = 0; i < layers(c, ['n_layer', 'num_hidden_layers']); i++) {
    const layer = collector(shapes, `transformer.h.${i}.`);
    layer.norm('ln_1', hidden, true);
    for (const part of ['q_proj', 'k_proj', 'v_proj', 'out_proj'])
      layer.linear(`attn.${part}`, hidden, hidden, false);
    layer.linear('mlp.fc_in', inner, hidden, true);
    layer.linear('mlp.fc_out', hidden, inner, true);
  }
  top.norm('transformer.ln_f', hidden, true);
  if (!tied) top.table('lm_head', vocabulary, hidden);
  shapes.set('lm_head.bias', [vocabulary]);
};

const gpt2: Build = (c, shapes, tied) => {
  if (c.flag('add_cross_attention', false)) throw new Unknown();
  const hidden = c.int(['n_embd', 'hidden_size']);
  const inner = c.int(['n_inner'], 4 * hidden);
  const vocabulary = c.int(['vocab_size']);
  const top = collector(shapes);
  top.table('transformer.wte', vocabulary, hidden);
  top.table('transformer.wpe', c.int(['n_positions', 'max_position_embeddings']), hidden);
  for (let i = 0; i < layers(c, ['n_layer', 'num_hidden_layers']); i++) {
    const prefix = `transformer.h.${i}.`;
    const layer = collector(shapes, prefix);
    layer.norm('ln_1', hidden, true);
    layer.norm('ln_2', hidden, true);
    // Its linear layers keep [in, out].
    for (const [name, input, out] of [
      ['attn.c_attn', hidden, 3 * hidden],
      ['attn.c_proj', hidden, hidden],
      ['mlp.c_fc', hidden, inner],
      ['mlp.c_proj', inner, hidden],
    ] as const) {
      shapes.set(`${prefix}${name}.weight`, [input, out]);
      shapes.set(`${prefix}${name}.bias`, [out]);
    }
  }
  top.norm('transformer.ln_f', hidden, true);
  if (!tied) top.table('lm_head', vocabulary, hidden);
};

const falcon: Build = (c, shapes, tied) => {
  const hidden = c.int(['hidden_size']);
  const heads = c.int(['num_attention_heads']);
  const head = hidden / heads;
  const fresh = c.flag('new_decoder_architecture', false);
  const kv = fresh ? c.int(['num_kv_heads'], heads) : 1;
  const inner = c.int(['ffn_hidden_size'], 4 * hidden);
  const bias = c.flag('bias', false);
  const qkv = fresh ? (2 * kv + heads) * head : c.flag('multi_query', true) ? hidden + 2 * head : 3 * hidden;
  const twoNorms = fresh && c.int(['num_ln_in_parallel_attn'], 2) === 2;
  const top = collector(shapes);
  top.table('transformer.word_embeddings', c.int(['vocab_size']), hidden);
  for (let i = 0; i < layers(c, ['num_hidden_layers']); i++) {
    const layer = collector(shapes, `transformer.h.${i}.`);
    for (const norm of twoNorms ? ['ln_attn', 'ln_mlp'] : ['input_layernorm']) layer.norm(norm, hidden, true);
    if (!fresh && !c.flag('parallel_attn', true)) layer.norm('post_attention_layernorm', hidden, true);
    layer.linear('self_attention.query_key_value', qkv, hidden, bias);
    layer.linear('self_attention.dense', hidden, hidden, bias);
    layer.linear('mlp.dense_h_to_4h', inner, hidden, bias);
    layer.linear('mlp.dense_4h_to_h', hidden, inner, bias);
  }
  top.norm('transformer.ln_f', hidden, true);
  if (!tied) top.table('lm_head', c.int(['vocab_size']), hidden);
};

const bart: Build = (c, shapes, tied) => {
  const hidden = c.int(['d_model', 'hidden_size']);
  const inner = c.int(['decoder_ffn_dim']);
  const vocabulary = c.int(['vocab_size']);
  const top = collector(shapes, 'model.decoder.');
  top.table('embed_tokens', vocabulary, hidden);
  // Two rows more than positions: the class keeps them for padding.
  top.table('embed_positions', c.int(['max_position_embeddings']) + 2, hidden);
  top.norm('layernorm_embedding', hidden, true);
  for (let i = 0; i < layers(c, ['decoder_layers']); i++) {
    const layer = collector(shapes, `model.decoder.layers.${i}.`);
    for (const attention of ['self_attn', 'encoder_attn']) {
      for (const part of ['k_proj', 'v_proj', 'q_proj', 'out_proj'])
        layer.linear(`${attention}.${part}`, hidden, hidden, true);
      layer.norm(`${attention}_layer_norm`, hidden, true);
    }
    layer.linear('fc1', inner, hidden, true);
    layer.linear('fc2', hidden, inner, true);
    layer.norm('final_layer_norm', hidden, true);
  }
  if (!tied) collector(shapes).table('lm_head', vocabulary, hidden);
};

function layers(c: Reader, keys: string[]): number {
  const count = c.int(keys);
  if (count > MAX_LAYERS) throw new Impossible(`${keys[0]} is ${count}; no model has that many`);
  return count;
}

/** Every class that the schedule allows, but for text to speech, which is no transformers class. */
const CLASSES: Record<string, { build: Build; tied: boolean }> = {
  LlamaForCausalLM: { build: llamaLike({ qkvBias: attentionBias, outBias: attentionBias }), tied: false },
  MistralForCausalLM: { build: llamaLike({ qkvBias: never, outBias: never }), tied: false },
  Qwen2ForCausalLM: { build: llamaLike({ qkvBias: always, outBias: never }), tied: false },
  GemmaForCausalLM: {
    build: llamaLike({ qkvBias: attentionBias, outBias: attentionBias, headDim: 256 }),
    tied: true,
  },
  Gemma2ForCausalLM: {
    build: llamaLike({
      qkvBias: attentionBias,
      outBias: attentionBias,
      headDim: 256,
      norms: [
        'input_layernorm',
        'post_attention_layernorm',
        'pre_feedforward_layernorm',
        'post_feedforward_layernorm',
      ],
    }),
    tied: true,
  },
  Phi3ForCausalLM: { build: phi3, tied: false },
  StableLmForCausalLM: { build: stablelm, tied: false },
  PhiForCausalLM: { build: phi, tied: false },
  GPTNeoXForCausalLM: { build: gptNeoX, tied: false },
  GPTJForCausalLM: { build: gptJ, tied: false },
  GPT2LMHeadModel: { build: gpt2, tied: true },
  FalconForCausalLM: { build: falcon, tied: true },
  BartForCausalLM: { build: bart, tied: true },
};

/** The class that transformers builds for a `model_type`; null for one not known here. */
export function classOf(modelType: unknown): string | null {
  return typeof modelType === 'string' && Object.hasOwn(MODEL_TYPES, modelType)
    ? MODEL_TYPES[modelType]!
    : null;
}

const MODEL_TYPES: Record<string, string> = {
  llama: 'LlamaForCausalLM',
  mistral: 'MistralForCausalLM',
  qwen2: 'Qwen2ForCausalLM',
  gemma: 'GemmaForCausalLM',
  gemma2: 'Gemma2ForCausalLM',
  phi3: 'Phi3ForCausalLM',
  stablelm: 'StableLmForCausalLM',
  phi: 'PhiForCausalLM',
  gpt_neox: 'GPTNeoXForCausalLM',
  gptj: 'GPTJForCausalLM',
  gpt2: 'GPT2LMHeadModel',
  falcon: 'FalconForCausalLM',
  bart: 'BartForCausalLM',
};

/** Whether output and input embedding are one matrix. */
export function tiesEmbeddings(architecture: string | null, config: JsonObject): boolean {
  const given = config.tie_word_embeddings;
  if (typeof given === 'boolean') return given;
  return architecture !== null && Object.hasOwn(CLASSES, architecture) ? CLASSES[architecture]!.tied : false;
}

/** What a class builds from a config; null for a class not known here or a config it cannot be told from. */
export function expectedShapes(architecture: string | null, config: JsonObject): Shapes | null {
  const built = build(architecture, config);
  return built instanceof Map ? built : null;
}

/** Why no version of the class can be built from the config; null when one can, or when that cannot be told. */
export function whyImpossible(architecture: string | null, config: JsonObject): string | null {
  const built = build(architecture, config);
  return typeof built === 'string' ? built : null;
}

function build(architecture: string | null, config: JsonObject): Shapes | string | null {
  if (architecture === null || !Object.hasOwn(CLASSES, architecture)) return null;
  const shapes: Shapes = new Map();
  try {
    CLASSES[architecture]!.build(reader(config), shapes, tiesEmbeddings(architecture, config));
  } catch (error) {
    if (error instanceof Unknown) return null;
    if (error instanceof Impossible) return error.message;
    throw error;
  }
  for (const [name, shape] of shapes)
    if (!shape.every(Number.isSafeInteger)) return `${name} would be [${shape}]: the sizes do not divide`;
  return shapes;
}
