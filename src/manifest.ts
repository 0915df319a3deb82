import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What help, completion and dispatch need of a flag; the build writes it from the command classes. */
export interface ManifestFlag {
  name: string;
  type: 'boolean' | 'option';
  summary?: string;
  description?: string;
  helpGroup?: string;
  helpValue?: string;
  char?: string;
  options?: string[];
  aliases?: string[];
  allowNo?: boolean;
  multiple?: boolean;
  required?: boolean;
  hidden?: boolean;
}

export interface ManifestArg {
  name: string;
  description?: string;
  required?: boolean;
  multiple?: boolean;
  options?: string[];
}

export interface ManifestCommand {
  id: string;
  summary?: string;
  description?: string;
  examples?: (string | { description: string; command: string })[];
  flags: Record<string, ManifestFlag>;
  args: Record<string, ManifestArg>;
  /** False: any number of arguments. */
  strict?: boolean;
  hidden?: boolean;
}

/** Every command by id (`sandbox:start`). */
export type Manifest = Record<string, ManifestCommand>;

/** Reads the commands without loading any of them: this is what makes `--help` and `--version` fast. */
export function readManifest(root: string): Manifest {
  const text = readFileSync(join(root, 'oclif.manifest.json'), 'utf8');
  return (JSON.parse(text) as { commands: Manifest }).commands;
}

/** Words before the last of an id: `sandbox` for `sandbox:start`. */
export const topicsOf = (manifest: Manifest): string[] => [
  ...new Set(Object.keys(manifest).flatMap((id) => (id.includes(':') ? [id.split(':')[0]!] : []))),
];

/** Ids that people are shown. */
export const visibleIds = (manifest: Manifest): string[] =>
  Object.keys(manifest).filter((id) => !manifest[id]!.hidden);
