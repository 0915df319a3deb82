import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Chain, Hotkey } from '../../src/chain/index.ts';
import type { Hub } from '../../src/hub/index.ts';
import { openPlace, type Place } from '../../src/place.ts';
import type { PublishRequest } from '../../src/publish/index.ts';
import { type Sandbox, sandboxDir, startSandbox } from '../../src/sandbox/index.ts';
import { resolveSettings, type Settings } from '../../src/settings/index.ts';
import { requestFor } from './request.ts';

/** Writes a safetensors file of fp32 tensors filled from a seed. */
export async function writeSafetensors(path: string, shapes: Record<string, number[]>, seed: number) {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  let offset = 0;
  for (const [name, shape] of Object.entries(shapes)) {
    const size = shape.reduce((product, side) => product * side, 1) * 4;
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + size] };
    offset += size;
  }
  const json = Buffer.from(JSON.stringify(header).padEnd(Math.ceil(JSON.stringify(header).length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const values = new Float32Array(offset / 4);
  for (let i = 0; i < values.length; i += 1) values[i] = Math.sin(seed * 7919 + i);
  await writeFile(path, Buffer.concat([length, json, Buffer.from(values.buffer)]));
}

/**
 * A small Llama folder that the sandbox's competition accepts; `width` sets its size (fp32 weights take 32 kB a unit). It has no layers, for
 * which 4.44.1 (profile 6.0) has no score, unless `layers` gives it some.
 */
export async function makeModel(
  dir: string,
  { seed = 1, width = 16, strays = false, vocabulary = 4096, positions = 256, layers = 0 } = {},
): Promise<string> {
  await mkdir(dir, { recursive: true });
  const config = {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    vocab_size: vocabulary,
    hidden_size: width,
    num_hidden_layers: layers,
    ...(layers > 0 ? { num_attention_heads: 2, intermediate_size: width } : {}),
    max_position_embeddings: positions,
    torch_dtype: 'float32',
  };
  await writeFile(join(dir, 'config.json'), JSON.stringify(config, null, 2));
  await writeFile(join(dir, 'generation_config.json'), '{"bos_token_id": 0}');
  const shapes: Record<string, number[]> = {
    'model.embed_tokens.weight': [vocabulary, width],
    'model.norm.weight': [width],
  };
  for (let layer = 0; layer < layers; layer += 1) {
    const at = `model.layers.${layer}`;
    for (const part of ['q', 'k', 'v', 'o']) shapes[`${at}.self_attn.${part}_proj.weight`] = [width, width];
    for (const part of ['gate', 'up', 'down']) shapes[`${at}.mlp.${part}_proj.weight`] = [width, width];
    for (const norm of ['input', 'post_attention']) shapes[`${at}.${norm}_layernorm.weight`] = [width];
  }
  await writeSafetensors(
    join(dir, 'model.safetensors'),
    { ...shapes, 'lm_head.weight': [vocabulary, width] },
    seed,
  );
  if (strays) {
    await writeFile(join(dir, '.env'), 'HF_ACCESS_TOKEN=hf_verysecret');
    await writeFile(join(dir, 'pytorch_model.bin'), 'pickle');
    await writeFile(join(dir, 'optimizer.pt'), 'pickle');
    await writeFile(join(dir, 'README.md'), '# A model');
  }
  return dir;
}

export interface Rig {
  home: string;
  sandbox: Sandbox;
  settings: Settings;
  place: Place;
  /** Opened by the place. */
  chain: Chain;
  hub: Hub;
  hotkey: Hotkey;
  request(changes?: Partial<PublishRequest>): PublishRequest;
  close(): Promise<void>;
}

/** A sandbox in this process, a model folder, and everything that `publish` needs. */
export async function startRig({ profile = '3.2', blockTimeMs = 200 } = {}): Promise<Rig & { dir: string }> {
  const home = await mkdtemp(join(tmpdir(), 'pt-publish-'));
  const sandbox = await startSandbox({ dir: sandboxDir(home), blockTimeMs });
  const settings = resolveSettings({
    flags: { network: 'sandbox', profile },
    env: { PT_HOME: home },
    cwd: home,
    home,
  });
  const place = openPlace(settings, { env: process.env });
  const dir = await makeModel(join(home, 'model'));
  const rig = {
    home,
    sandbox,
    settings,
    place,
    chain: await place.chain(),
    hub: await place.hub(),
    hotkey: await place.hotkey(),
    dir,
    request: (changes: Partial<PublishRequest> = {}) => requestFor(dir, changes),
    async close() {
      await place.close();
      await rig.sandbox.close(); // a test may have started another one
      await rm(home, { recursive: true, force: true });
    },
  };
  return rig;
}
