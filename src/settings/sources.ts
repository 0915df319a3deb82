import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import { UserError } from '../errors.ts';
import { knowEnvironment } from '../secret.ts';
import { shellWord } from '../text/shell-word.ts';
import { DEFINITIONS, type Definition, hint, type SettingName, unknownVariable } from './definitions.ts';
import { parseDotenv } from './dotenv.ts';
import { hubTokenFile } from './secret-sources.ts';

/** Text of one setting and where it stands. */
export interface Given {
  text: string;
  origin: string;
}

export type Layer = Partial<Record<SettingName, Given>>;

const NAMES = Object.keys(DEFINITIONS) as SettingName[];

function bytesIfThere(file: string): Buffer | null {
  if (!existsSync(file)) return null;
  try {
    return readFileSync(file);
  } catch (error) {
    throw new UserError('settings.unreadable', `${file} cannot be read: ${(error as Error).message}`, {
      nextSteps: [`ls -l ${shellWord(file)}`],
      cause: error,
    });
  }
}

const readIfThere = (file: string): string | null => bytesIfThere(file)?.toString('utf8') ?? null;

function fromVariables(
  variables: Record<string, string | undefined>,
  originOf: (name: string) => string,
): Layer {
  // Also those that another source outweighs.
  knowEnvironment(variables);
  const layer: Layer = {};
  for (const setting of NAMES) {
    const { env, verbatim = false }: Definition<unknown> = DEFINITIONS[setting];
    const textOf = (name: string) => (verbatim ? variables[name] : variables[name]?.trim());
    const name = env.find(textOf);
    if (name !== undefined) layer[setting] = { text: textOf(name)!, origin: originOf(name) };
  }
  return layer;
}

/** The environment. Unknown `PT_` names are errors: a typing mistake must not silently mean the default. */
export function readEnvironment(env: NodeJS.ProcessEnv): Layer {
  for (const name of Object.keys(env)) {
    const problem = unknownVariable(name, false);
    if (problem) {
      throw new UserError('settings.unknown', `Environment: ${problem}`, {
        nextSteps: [`unset ${shellWord(name)}`],
      });
    }
  }
  return fromVariables(env, (name) => `environment ${name}`);
}

/** `.env` of the working folder, with the line of each value; `env` is what `${NAME}` in it may stand for. */
export function readDotenv(cwd: string, env: NodeJS.ProcessEnv): Layer {
  const file = join(cwd, '.env');
  const content = bytesIfThere(file);
  if (content === null) return {};
  const { assignments, problems } = parseDotenv(content, env);
  for (const { line, problem } of problems) {
    throw new UserError('settings.dotenv', `${file}:${line}: ${problem}`, {
      nextSteps: [`Correct line ${line} of ${file}: NAME=value, or # before a comment.`, 'pt config show'],
    });
  }
  const variables = Object.fromEntries(assignments.map(({ name, value }) => [name, value]));
  const lineOf = (name: string) => assignments.findLast((one) => one.name === name)!.line;
  for (const name of Object.keys(variables)) {
    const problem = unknownVariable(name, true);
    if (problem) {
      throw new UserError('settings.unknown', `${file}:${lineOf(name)}: ${problem}`, {
        nextSteps: ['pt config show', `Correct line ${lineOf(name)} of ${file}.`],
      });
    }
  }
  if (variables.PT_HOME) {
    throw new UserError(
      'settings.unknown',
      `${file}:${lineOf('PT_HOME')}: PT_HOME can only be set in the environment, because the settings file lies in it`,
      { nextSteps: [`export PT_HOME=${shellWord(variables.PT_HOME)}`] },
    );
  }
  return fromVariables(variables, (name) => `${file}:${lineOf(name)}`);
}

export const configFile = (home: string): string => join(home, 'config.yaml');

/** `config.yaml` in PT_HOME: the long names of the flags as keys, dashes or underscores; no secrets. */
export function readConfigFile(home: string): Layer {
  const file = configFile(home);
  const content = readIfThere(file);
  if (content === null) return {};
  const counter = new LineCounter();
  const document = parseDocument(content, { lineCounter: counter, prettyErrors: false });
  const stop = (offset: number, problem: string): never => {
    const { line } = counter.linePos(offset);
    throw new UserError('settings.config_file', `${file}:${line}: ${problem}`, {
      nextSteps: [`Correct line ${line} of ${file}.`, 'pt config show'],
    });
  };
  const [broken] = document.errors;
  if (broken) stop(broken.pos[0], broken.message);
  const root = document.contents;
  if (root === null) return {};
  if (!isMap(root)) return stop(root.range?.[0] ?? 0, 'must hold `name: value` lines');
  const byKey = new Map(NAMES.map((name) => [DEFINITIONS[name].key, name]));
  const layer: Layer = {};
  for (const pair of root.items) {
    const at = isScalar(pair.key) ? (pair.key.range?.[0] ?? 0) : 0;
    const key = isScalar(pair.key) ? String(pair.key.value) : '';
    const setting = byKey.get(key.replaceAll('_', '-'));
    if (setting === undefined) return stop(at, `${key || 'that'} is not a setting${hint(key, byKey.keys())}`);
    const { env, secret } = DEFINITIONS[setting] as { env: string[]; secret?: boolean };
    if (secret) return stop(at, `${key} is a secret; put ${env[0]} into the environment or .env instead`);
    if (!isScalar(pair.value)) return stop(at, `${key} must be one value`);
    if (pair.value.value === null) continue;
    // The source text, so that 6.0 stays "6.0" and does not become the number 6.
    const text = typeof pair.value.value === 'string' ? pair.value.value : String(pair.value.source);
    layer[setting] = { text, origin: `${file}:${counter.linePos(at).line}` };
  }
  return layer;
}

/** Flags as oclif parsed them; keys are flag names. */
export function readFlags(flags: Record<string, unknown>): Layer {
  const layer: Layer = {};
  for (const setting of NAMES) {
    const { key } = DEFINITIONS[setting];
    const value = flags[key];
    if (value === undefined || value === null) continue;
    // A switch that was not given reads false in oclif; only "on" is a statement.
    if (value === false && setting === 'offline') continue;
    layer[setting] = { text: String(value), origin: `flag --${key}` };
  }
  return layer;
}

/** The token that `hf auth login` saved. */
export function readHubTokenFile(env: NodeJS.ProcessEnv, userHome: string): Given | null {
  const file = hubTokenFile(env, userHome);
  const text = readIfThere(file)?.trim();
  return text ? { text, origin: file } : null;
}
