import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT, OutsideError, UserError } from '../errors.ts';
import { age, PYTHONS, probe, releaseOf } from './interpreter.ts';
import { cacheFolder, PYTHON_FOLDER } from './paths.ts';
import type { PythonEnv } from './types.ts';

export const REQUIREMENTS = join(PYTHON_FOLDER, 'requirements.txt');

/** Written last into an environment; says that it is complete and what is in it. */
export const RECORD = 'pt-env.json';

export interface EnvRecord {
  version: string;
  base: string;
  installer: 'uv' | 'pip';
}

/** Name of the environment's folder: packages, Python minor version and machine decide it, nothing else. */
export function envName(requirements: string, version: string): string {
  const minor = version.split('.').slice(0, 2).join('.');
  const key = JSON.stringify([requirements.replaceAll('\r\n', '\n'), minor, process.platform, process.arch]);
  return `python-${createHash('sha256').update(key).digest('hex').slice(0, 16)}-${minor}`;
}

export const pythonIn = (folder: string): string =>
  process.platform === 'win32' ? join(folder, 'Scripts', 'python.exe') : join(folder, 'bin', 'python');

/** Reads the record of a complete environment; undefined when there is none or its base Python is gone. */
export function readEnv(folder: string): (PythonEnv & { record: EnvRecord }) | undefined {
  try {
    const record = JSON.parse(readFileSync(join(folder, RECORD), 'utf8')) as EnvRecord;
    // existsSync follows the link to the base interpreter, which an upgrade of the system may have removed.
    if (!existsSync(pythonIn(folder))) return undefined;
    return { python: pythonIn(folder), source: 'managed', version: record.version, record };
  } catch {
    return undefined;
  }
}

/** Package names in requirements.txt. */
export function requiredPackages(): string[] {
  const lines = readFileSync(REQUIREMENTS, 'utf8').split(/\r?\n/);
  const names = lines.map((line) => /^[A-Za-z0-9._-]+/.exec(line)?.[0] ?? '').filter((name) => name !== '');
  return [...new Set(names)];
}

/** What requirements.txt pins of `names` for a Python of this version: `numpy==2.4.6`. */
export function pinned(names: string[], version: string): string[] {
  const minor = Number(version.split('.')[1]);
  const lines = readFileSync(REQUIREMENTS, 'utf8').split(/\r?\n/);
  return lines.flatMap((line) => {
    const [, name = '', pin = '', than, other] =
      /^([A-Za-z0-9._-]+)(==[^;\s]+)(?:; python_version (<|>=) "3\.(\d+)")?$/.exec(line) ?? [];
    const holds = than === undefined || (than === '<') === minor < Number(other);
    return names.includes(name) && holds ? [`${name}${pin}`] : [];
  });
}

/** Which of `names` are not installed for `python`; looks at metadata only, imports nothing. */
export async function missingPackages(
  python: string,
  names: string[],
  env: NodeJS.ProcessEnv,
): Promise<string[]> {
  const script =
    'import sys\nfrom importlib import metadata\nfor n in sys.argv[1:]:\n try: metadata.version(n)\n except metadata.PackageNotFoundError: print(n)';
  const options = { env, extendEnv: false, reject: false, stdin: 'ignore' } as const;
  const { execa } = await import('execa');
  const result = await execa(python, ['-c', script, ...names], options);
  return result.failed ? names : result.stdout.split(/\r?\n/).filter((name) => name !== '');
}

/** A ready environment for today's requirements, whichever Python it was made from; the newest first. No process is started. */
export function findManaged(env: NodeJS.ProcessEnv): PythonEnv | undefined {
  const requirements = readFileSync(REQUIREMENTS, 'utf8');
  const cache = cacheFolder(env);
  const ready = namesIn(cache)
    .filter((name) => name === envName(requirements, name.split('-').at(-1) ?? ''))
    .map((name) => join(cache, name))
    .filter((folder) => existsSync(join(folder, RECORD)))
    .sort((a, b) => statSync(join(b, RECORD)).mtimeMs - statSync(join(a, RECORD)).mtimeMs);
  for (const folder of ready) {
    const found = readEnv(folder);
    if (found) return { python: found.python, source: found.source, version: found.version };
  }
  return undefined;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Checks the interpreter that `PT_PYTHON` names: it runs, is new enough, and has the packages. */
async function checkNamed(named: string, env: NodeJS.ProcessEnv): Promise<PythonEnv> {
  const found = await probe([named], env);
  const wrong = (problem: string) =>
    new UserError('python.bad_interpreter', `PT_PYTHON is ${named}, which ${problem}.`, {
      nextSteps: ['unset PT_PYTHON   # and let pt use its own environment', 'pt setup'],
    });
  if (typeof found === 'string') throw wrong(found === 'not found' ? 'was not found' : found);
  if (age(releaseOf(found.version)) === 'too old') throw wrong(`is Python ${found.version}; ${PYTHONS} work`);
  return { python: found.python || named, source: 'PT_PYTHON', version: found.version };
}

/**
 * The Python that runs the trainer: `PT_PYTHON`, else the environment that `pt setup` made.
 * @throws UserError `python.bad_interpreter` when PT_PYTHON does not run or is too old; OutsideError `python.not_set_up`
 *   (exit 7) when there is no environment yet.
 */
export async function findPython(env: NodeJS.ProcessEnv = process.env): Promise<PythonEnv> {
  if (env.PT_PYTHON) return checkNamed(env.PT_PYTHON, env);
  const managed = findManaged(env);
  if (managed) return managed;
  throw new OutsideError('python.not_set_up', 'The Python environment of the trainer is not there yet.', {
    exitCode: EXIT.trainer,
    nextSteps: [
      'pt setup',
      'export PT_PYTHON=/path/to/python   # one that has the packages of python/requirements.txt',
    ],
  });
}
