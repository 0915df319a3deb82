/** What no validator gets past, whichever competition the model is for. */
import type { JsonObject } from '../../text/strict-json.ts';
import type { Finding, SafetensorsHeader, Shapes } from '../types.ts';
import { asRead } from './as-read.ts';
import { checkConfig } from './config.ts';
import { CONFIG } from './files.ts';
import { checkModelType } from './model-type.ts';
import { problem } from './problem.ts';
import { checkTensors } from './tensors.ts';
import { checkFormat, checkIndex, checkWeightFiles } from './weights.ts';

/** What reading a model found; what could not be read is null or left out. */
export interface ModelContent {
  /** Paths of all files. */
  names: ReadonlySet<string>;
  config: JsonObject | null;
  architecture: string | null;
  /** What the class builds from the config, why it builds nothing, or null where that cannot be told. */
  built: Shapes | string | null;
  /** The index of the shards, where there is no single file. */
  index: JsonObject | null;
  /** Header of each weight file, by path. */
  headers: ReadonlyMap<string, SafetensorsHeader>;
  /** Whether config and every weight file were read. */
  complete: boolean;
  /** Whether `pt upload` puts right what it can: a folder here. */
  mendable: boolean;
}

/** Every finding that refuses the model; `transformers` is the version that validators pin, null: not known. */
export function checkContent(content: ModelContent, transformers: string | null): Finding[] {
  const { names, config, architecture, built, index, headers, complete, mendable } = content;
  const tensors = new Map([...headers.values()].flatMap((h) => h.tensors).map((t) => [t.name, t]));
  return [
    ...(names.has(CONFIG) ? [] : [problem('config', `${CONFIG} is missing: nothing can load this.`)]),
    ...checkWeightFiles(names, index),
    ...[...headers].flatMap(([path, header]) => checkFormat(path, header, mendable)),
    ...checkIndex(index, headers),
    ...(config === null ? [] : checkModelType(architecture, config)),
    ...(config === null || transformers === null
      ? []
      : checkConfig(architecture, asRead(architecture, config), transformers)),
    ...(complete ? checkTensors([...tensors.values()], architecture, built) : []),
  ];
}
