/** A sandbox that plays a subnet: the small form of its profile as a file, and a king to beat. docs/adr/0011-played-subnets.md says why so. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { writeJson } from '../../host/write-file.ts';
import { canHaveKing, kingRepo, type Profile, smallForm, smallFormName } from '../../rules/index.ts';
import type { ChainSandbox } from '../chain/index.ts';
import { ss58 } from '../chain/state.ts';
import type { Plays } from '../state.ts';
import { enthrone, kingConfig, kingModel } from './king.ts';

/** The shape that a king has where its profile names none: the tiny recipe's. */
const TINY = {
  model_type: 'llama',
  architectures: ['LlamaForCausalLM'],
  vocab_size: 4096,
  hidden_size: 128,
  intermediate_size: 344,
  num_hidden_layers: 3,
  num_attention_heads: 4,
  num_key_value_heads: 4,
  max_position_embeddings: 1024,
  tie_word_embeddings: true,
};

const keptSchema = z.object({ hotkey: z.string(), repo: z.string(), commit: z.string() });

/**
 * Writes the small form and makes the king, each once; what was made for a kept chain is found again. Throws what making the king does: it
 * needs the Python environment.
 */
export async function play(
  dir: string,
  { name, profile, env }: { name: string; profile: Profile; env: NodeJS.ProcessEnv },
  at: { chain: ChainSandbox; hub: string; token: string },
): Promise<Plays> {
  const profiles = join(dir, 'profiles');
  const home = join(dir, 'kings', name);
  const played = smallFormName(name);
  mkdirSync(profiles, { recursive: true, mode: 0o700 });
  const save = (config: Record<string, unknown> | null) =>
    writeJson(join(profiles, `${played}.json`), smallForm(name, profile, config));
  if (!canHaveKing(profile)) {
    await save(null);
    return { profile: played, profiles, of: name, king: null };
  }
  const { king: config = TINY, files = {} } = profile.sandbox ?? {};
  const model = await kingModel(join(home, 'model'), config, files, env);
  const shape = kingConfig(model);
  await save(shape);
  const file = join(home, 'king.json');
  const king = kept(file) ?? (await enthroned());
  return { profile: played, profiles, of: name, king };

  async function enthroned() {
    // Nobody holds its key.
    const hotkey = ss58(randomBytes(32));
    const small = smallForm(name, profile, shape);
    const repo = kingRepo(name, small, { hotkey, coldkey: hotkey });
    const made = await enthrone(model, { hotkey, repo }, { profile: small, ...at });
    await writeJson(file, made);
    return made;
  }
}

function kept(file: string): Plays['king'] {
  try {
    return keptSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return null;
  }
}
