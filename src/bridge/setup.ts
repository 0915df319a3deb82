import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT, OutsideError, UserError } from '../errors.ts';
import { diskError, systemCode } from '../host/disk-error.ts';
import { freeSpace } from '../host/free-space.ts';
import { type Lock, takeLock } from '../host/lock.ts';
import { note, type Progress, type Work, warning } from '../progress.ts';
import { shellWord } from '../text/shell-word.ts';
import { type Installer, installerFor } from './installer.ts';
import {
  age,
  findInterpreter,
  type Interpreter,
  NEWEST,
  PYTHONS,
  releaseOf,
  type Tried,
} from './interpreter.ts';
import { cacheFolder } from './paths.ts';
import {
  envName,
  findManaged,
  findPython,
  missingPackages,
  pinned,
  pythonIn,
  RECORD,
  REQUIREMENTS,
  readEnv,
  requiredPackages,
} from './python-env.ts';
import type { PythonEnv } from './types.ts';

export interface SetupOptions {
  env?: NodeJS.ProcessEnv;
  /** Also build flash-attn (a CUDA compiler is needed; minutes to an hour). */
  flashAttn?: boolean;
}

/** Measured: 5.8 GB unpacked on Linux, of which most is CUDA; with the download beside it. */
const NEEDED_BYTES = 9e9;

/**
 * Makes the trainer's Python environment, or finds it ready. It is built in a folder aside and renamed when complete, so that
 * nobody ever sees half of one; a lock keeps clones and CI runs that share the cache from building it twice.
 * @throws OutsideError `python.missing`, `python.install_failed`, `disk.full` (exit 7)
 */
export async function* setupPython(options: SetupOptions = {}): Work<PythonEnv> {
  const env = options.env ?? process.env;
  const ready = env.PT_PYTHON ? await namedInterpreter(env) : ((await complete(env)) ?? (yield* make(env)));
  if (options.flashAttn) yield* addFlashAttention(ready, env);
  return ready;
}

/** PT_PYTHON's interpreter, with every package; it is the user's, so nothing is installed into it. */
async function namedInterpreter(env: NodeJS.ProcessEnv): Promise<PythonEnv> {
  const python = await findPython(env);
  // Needed by the tests alone.
  const names = requiredPackages().filter((name) => name !== 'pytest');
  const missing = await missingPackages(python.python, names, env);
  if (missing.length === 0) return python;
  const lacks = `PT_PYTHON is ${env.PT_PYTHON}, which lacks ${missing.join(', ')}`;
  const another = 'unset PT_PYTHON   # and let pt use its own environment';
  const install = `${shellWord(python.python)} -m pip install ${whatToInstall(missing, python.version)}`;
  const fits = age(releaseOf(python.version)) === 'fits';
  throw new UserError(
    'python.missing_package',
    fits ? `${lacks}.` : `${lacks}. It is ${python.version}; these have builds for Python ${PYTHONS}.`,
    { nextSteps: fits ? [install, another] : [another, install] },
  );
}

/** Arguments for pip. A torch that is there stays: it may be the user's own build for this machine's CUDA. */
function whatToInstall(missing: string[], version: string): string {
  if (missing.includes('torch')) return `-r ${shellWord(REQUIREMENTS)}`;
  return pinned(missing, version).map(shellWord).join(' ');
}

/** The managed environment; undefined when there is none, or when somebody took packages out of it. */
async function complete(env: NodeJS.ProcessEnv): Promise<PythonEnv | undefined> {
  const found = findManaged(env);
  if (!found) return undefined;
  const missing = await missingPackages(found.python, requiredPackages(), env);
  if (missing.length === 0) return found;
  // Without its record it counts as absent and is made anew.
  rmSync(join(found.python, '..', '..', RECORD), { force: true });
  return undefined;
}

async function* make(env: NodeJS.ProcessEnv): Work<PythonEnv> {
  const base = await findInterpreter(env);
  if (Array.isArray(base)) throw noPython(base);
  const cache = cacheFolder(env);
  const folder = join(cache, envName(readFileSync(REQUIREMENTS, 'utf8'), base.version));

  const notes: Progress[] = [];
  let lock: Lock;
  try {
    lock = await takeLock(`${folder}.lock`, (holder) =>
      notes.push({
        kind: 'note',
        level: 'info',
        message: `Waited for ${holder}, which was making the environment.`,
      }),
    );
  } catch (error) {
    throw asSetupError(error, cache);
  }
  try {
    yield* notes;
    const made = readEnv(folder);
    if (made) return { python: made.python, source: made.source, version: made.version };
    return yield* build(base, folder, env);
  } catch (error) {
    throw asSetupError(error, cache);
  } finally {
    lock.release();
  }
}

async function* build(base: Interpreter, folder: string, env: NodeJS.ProcessEnv): Work<PythonEnv> {
  yield note(
    `Making the Python environment in ${folder} with Python ${base.version} (once; about 6 GB of disk).`,
  );
  yield* warnOfLittleSpace(join(folder, '..'));
  const aside = `${folder}.making-${process.pid}`;
  rmSync(aside, { recursive: true, force: true });
  try {
    const installer = await installerFor(base, cacheFolder(env), env);
    let used = installer;
    try {
      yield* installer.install(base, aside, REQUIREMENTS);
    } catch (error) {
      // pip knows mirrors and certificates from its own configuration, which uv does not read.
      if (installer.name !== 'uv' || (error as { code?: string }).code === 'disk.full') throw error;
      yield warning(`${(error as Error).message} Trying pip instead.`);
      rmSync(aside, { recursive: true, force: true });
      used = await installerFor(base, cacheFolder(env), env, 'pip');
      yield* used.install(base, aside, REQUIREMENTS);
    }
    await proveItWorks(aside, env);
    const record = { version: base.version, base: base.python, installer: used.name };
    writeFileSync(join(aside, RECORD), `${JSON.stringify(record)}\n`);
    // Another builder may have been first (a lock can be lost); else what is there has lost its base Python.
    if (!readEnv(folder)) {
      rmSync(folder, { recursive: true, force: true });
      renameSync(aside, folder);
    }
    return { python: pythonIn(folder), source: 'managed', version: base.version };
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}

/** Imports what the trainer imports: an environment that cannot is not kept. */
async function proveItWorks(folder: string, env: NodeJS.ProcessEnv): Promise<void> {
  const { execa } = await import('execa');
  const result = await execa(
    pythonIn(folder),
    ['-c', 'import torch, transformers, safetensors, tokenizers, pyarrow, numpy, peft'],
    { env, extendEnv: false, reject: false, stdin: 'ignore' },
  );
  if (!result.failed) return;
  const last = result.stderr.trim().split('\n').at(-1) || result.shortMessage;
  throw new OutsideError('python.install_failed', `The packages were installed but do not import: ${last}`, {
    exitCode: EXIT.trainer,
    nextSteps: ['pt setup', 'export PT_PYTHON=/path/to/python   # another interpreter that has them'],
  });
}

async function* warnOfLittleSpace(folder: string): Work<void> {
  mkdirSync(folder, { recursive: true });
  const free = await freeSpace(folder);
  if (free < NEEDED_BYTES)
    yield warning(
      `Only ${(free / 1e9).toFixed(1)} GB are free there; up to 9 GB are needed. XDG_CACHE_HOME moves it.`,
    );
}

async function* addFlashAttention(python: PythonEnv, env: NodeJS.ProcessEnv): Work<void> {
  const { execa } = await import('execa');
  const has = await execa(python.python, ['-c', 'import flash_attn'], {
    env,
    extendEnv: false,
    reject: false,
  });
  if (!has.failed) return;
  yield note('Building flash-attn (needs the CUDA compiler nvcc; up to an hour).');
  const base = { python: python.python, version: python.version };
  const installer: Installer = await installerFor(base, cacheFolder(env), env);
  yield* installer.add(python.python, ['flash-attn', '--no-build-isolation']);
}

function noPython(tried: Tried[]): OutsideError {
  const seen = tried
    .filter((one) => one.problem !== 'not found')
    .map((one) => `${one.command} ${one.problem}`)
    .join('; ');
  return new OutsideError(
    'python.missing',
    `No Python from ${PYTHONS} was found on the PATH${seen && ` (${seen})`}.`,
    {
      exitCode: EXIT.trainer,
      nextSteps: [
        howToGetPython(seen.includes('too new')),
        'export PT_PYTHON=/path/to/python   # one that has the packages of python/requirements.txt',
      ],
    },
  );
}

/** Where the system's own is too new, its `python3` would be that again. */
function howToGetPython(systemsIsTooNew: boolean): string {
  if (process.platform === 'darwin') return `brew install python@${NEWEST}`;
  if (process.platform === 'win32') return `winget install Python.Python.${NEWEST}`;
  return systemsIsTooNew
    ? `uv python install ${NEWEST}   # or your system's package of a Python from ${PYTHONS}`
    : `sudo apt-get install python3 python3-venv   # or your system's package of a Python from ${PYTHONS}`;
}

/** File-system errors of set-up as what they are; everything else passes. */
function asSetupError(error: unknown, cache: string): unknown {
  const code = systemCode(error);
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new OutsideError('disk.full', `The disk of ${cache} is full.`, {
      exitCode: EXIT.trainer,
      nextSteps: ['df -h', 'export XDG_CACHE_HOME=/path/on/a/larger/disk'],
      cause: error,
    });
  if (['EACCES', 'EROFS', 'EPERM', 'ENOTDIR', 'EEXIST'].includes(code ?? ''))
    return new OutsideError('python.cache_not_writable', `${cache} cannot be written (${code}).`, {
      exitCode: EXIT.trainer,
      nextSteps: ['export XDG_CACHE_HOME=/path/that/can/be/written'],
      cause: error,
    });
  return diskError(error, cache);
}
