import { existsSync, statSync } from 'node:fs';
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

/**
 * Picks the start as the reference does: best, uid, folder, file, from scratch. Flags that lose are named in `ignored`.
 *
 * @throws UserError when the folder or file named is not there or not a model.
 */
export function chooseSource(flags: SourceFlags): { choice: SourceChoice; ignored: string[] } {
  const given: [string, () => SourceChoice][] = [];
  if (flags.loadBest) given.push(['--load-best', () => ({ remote: 'best' })]);
  if (flags.loadUid !== null) given.push(['--load-uid', () => ({ remote: flags.loadUid! })]);
  if (flags.loadModelDir !== null) given.push(['--load-model-dir', () => fromFolder(flags.loadModelDir!)]);
  if (flags.loadModel !== null)
    given.push(['--load-model', () => fromFile(flags.loadModel!, flags.loadModelConfig)]);
  const [first, ...rest] = given;
  if (first === undefined)
    return { choice: { local: { kind: 'recipe', path: null, config: null } }, ignored: [] };
  return { choice: first[1](), ignored: rest.map(([flag]) => flag) };
}

function fromFolder(path: string): SourceChoice {
  const dir = resolve(path);
  if (!existsSync(dir) || !statSync(dir).isDirectory()) {
    throw new UserError('model.missing', `--load-model-dir: there is no folder ${dir}.`, {
      nextSteps: ['Name a folder with config.json and model.safetensors.'],
    });
  }
  if (!existsSync(join(dir, 'config.json'))) {
    throw new UserError('model.no_config', `--load-model-dir: ${dir} has no config.json.`, {
      nextSteps: ['Put the config.json there that the model was trained with.'],
    });
  }
  return { local: { kind: 'model_dir', path: dir, config: null } };
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
