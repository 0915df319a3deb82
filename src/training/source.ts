import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { UserError } from '../errors.ts';
import { shellWord } from '../text/shell-word.ts';
import type { ModelSource } from './types.ts';

/** The flags that say where to start from. */
export interface SourceFlags {
  loadBest: boolean;
  loadUid: number | null;
  loadModelDir: string | null;
  loadModel: string | null;
  /** config.json for `--load-model`. */
  loadModelConfig: string | null;
}

/** What the flags ask for: a source at hand, or a model of the network that has to be downloaded first. */
export type SourceChoice = { remote: 'best' | number } | { local: ModelSource };

/** The sources that are named, as the reference ranks them: the first decides. */
function namedSources(flags: SourceFlags): [flag: string, choose: () => SourceChoice][] {
  const { loadUid, loadModelDir, loadModel, loadModelConfig } = flags;
  const named: [string, () => SourceChoice][] = [];
  if (flags.loadBest) named.push(['--load-best', () => ({ remote: 'best' })]);
  if (loadUid !== null) named.push(['--load-uid', () => ({ remote: loadUid })]);
  if (loadModelDir !== null) named.push(['--load-model-dir', () => fromFolder(loadModelDir)]);
  if (loadModel !== null) named.push(['--load-model', () => fromFile(loadModel, loadModelConfig)]);
  return named;
}

/** The flags of sources that lose against another. */
function losers(flags: SourceFlags): string[] {
  const named = namedSources(flags).map(([flag]) => flag);
  const lost = named.slice(1);
  return lost.includes('--load-model') && flags.loadModelConfig !== null
    ? [...lost, '--load-model-config']
    : lost;
}

/** Says which of several sources decides and which are ignored; null: there is one at most. */
export function ignoredSources(flags: SourceFlags): string | null {
  const ignored = losers(flags);
  const winner = namedSources(flags)[0]?.[0];
  if (ignored.length === 0) return null;
  return `${winner} decides where to start; ${ignored.join(', ')} ${ignored.length > 1 ? 'are' : 'is'} ignored.`;
}

/** The config.json that is taken for `--load-model` because it lies beside the file; null: none is, or one was named. */
export function configBeside(flags: SourceFlags, choice: SourceChoice): string | null {
  return 'local' in choice && choice.local.kind === 'model_file' && flags.loadModelConfig === null
    ? choice.local.config
    : null;
}

/**
 * Picks the start of a new run as the reference does: best, uid, folder, file, from scratch. Flags that lose are named in `ignored`.
 *
 * @throws UserError when the folder or file named is not there or not a model; `usage.load_model_config` when it is for no file.
 */
export function chooseSource(flags: SourceFlags): { choice: SourceChoice; ignored: string[] } {
  if (flags.loadModelConfig !== null && flags.loadModel === null)
    throw new UserError(
      'usage.load_model_config',
      '--load-model-config belongs to --load-model, which is not given.',
      {
        nextSteps: [
          `pt train --load-model MODEL.safetensors --load-model-config ${shellWord(flags.loadModelConfig)}`,
          'pt train --load-model-dir DIR   # takes the config.json of the folder',
        ],
      },
    );
  const [first] = namedSources(flags);
  const choice: SourceChoice =
    first === undefined ? { local: { kind: 'recipe', path: null, config: null } } : first[1]();
  return { choice, ignored: losers(flags) };
}

function fromFolder(path: string): SourceChoice {
  const dir = resolve(path);
  if (!existsSync(dir) || !statSync(dir).isDirectory()) {
    throw new UserError('model.missing', `--load-model-dir: there is no folder ${dir}.`, {
      nextSteps: ['Name a folder with config.json and model.safetensors.'],
    });
  }
  refuseAdapter(dir);
  if (!existsSync(join(dir, 'config.json'))) {
    throw new UserError('model.no_config', `--load-model-dir: ${dir} has no config.json.`, {
      nextSteps: ['Put the config.json there that the model was trained with.'],
    });
  }
  return { local: { kind: 'model_dir', path: dir, config: null } };
}

/** A folder of adapters alone (`peft` saves such) is no model: which weights they belong to is in somebody else's words. */
function refuseAdapter(dir: string): void {
  const file = join(dir, 'adapter_config.json');
  if (!existsSync(file) || readdirSync(dir).some((name) => /^model.*\.safetensors$/.test(name))) return;
  const { base_model_name_or_path: named } = readFields(file);
  const base = typeof named === 'string' && named !== '' ? named : null;
  throw new UserError(
    'model.adapter',
    `--load-model-dir: ${dir} holds adapters of ${base ?? 'a model that it does not name'}, no model.`,
    {
      nextSteps: [
        'Merge them first (peft: merge_and_unload, then save_pretrained), and name the folder of that.',
        `pt train --load-model-dir ${base !== null && existsSync(base) ? shellWord(base) : 'BASE'} --lora-rank 16   # new adapters of its base`,
      ],
    },
  );
}

function readFields(file: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function fromFile(path: string, config: string | null): SourceChoice {
  const file = resolve(path);
  if (!existsSync(file) || !statSync(file).isFile()) {
    throw new UserError('model.missing', `--load-model: there is no file ${file}.`, {
      nextSteps: ['Name a .safetensors file, or a folder with --load-model-dir.'],
    });
  }
  if (!file.endsWith('.safetensors')) {
    throw new UserError(
      'model.not_safetensors',
      `--load-model: ${file} is not a .safetensors file; pickles are never loaded.`,
      {
        nextSteps: ['Convert it with the tool that made it (transformers: save_pretrained).'],
      },
    );
  }
  const chosen = config === null ? join(dirname(file), 'config.json') : resolve(config);
  if (!existsSync(chosen)) {
    throw new UserError(
      'model.no_config',
      config === null
        ? `--load-model: ${file} has no config.json beside it, and tensors do not tell all of it (number of heads, rope base, epsilon).`
        : `--load-model-config: there is no file ${chosen}.`,
      {
        nextSteps: [
          `pt train --load-model ${shellWord(path)} --load-model-config CONFIG.json   # the one that the model was trained with`,
        ],
      },
    );
  }
  return { local: { kind: 'model_file', path: file, config: chosen } };
}
