import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT, OutsideError } from '../errors.ts';
import type { Work } from '../progress.ts';
import { installProgress } from './install-progress.ts';
import type { Interpreter } from './interpreter.ts';
import { PYTHON_FOLDER } from './paths.ts';
import { pythonIn } from './python-env.ts';

/** Fills environments with packages: uv (fast, shares files between environments) or venv + pip (always there). */
export interface Installer {
  name: 'uv' | 'pip';
  /** Makes a new environment in `folder`, installs and compiles everything that the requirements file pins. */
  install(base: Interpreter, folder: string, requirements: string): Work<void>;
  /** Adds packages to the environment of `python`. */
  add(python: string, packages: string[]): Work<void>;
}

/** uv when it is on the PATH or can be put into a small environment of its own; else, or when `only` says so, pip. */
export async function installerFor(
  base: Interpreter,
  cache: string,
  env: NodeJS.ProcessEnv,
  only?: 'pip',
): Promise<Installer> {
  const uv = only === 'pip' ? undefined : await findUv(base, cache, env);
  return uv ? uvInstaller(uv, env) : pipInstaller(env);
}

function uvInstaller(uv: string, env: NodeJS.ProcessEnv): Installer {
  // A mirror that the user gave to pip is meant for uv too; no Python is downloaded behind the user's back.
  const uvEnv = {
    UV_PYTHON_DOWNLOADS: 'never',
    UV_HTTP_TIMEOUT: '300',
    ...(env.PIP_INDEX_URL && { UV_DEFAULT_INDEX: env.PIP_INDEX_URL }),
    ...env,
  };
  return {
    name: 'uv',
    async *install(base, folder, requirements) {
      yield* run(uv, ['venv', '--relocatable', '--python', base.python, folder], uvEnv);
      const target = ['--python', pythonIn(folder), '-r', requirements];
      // Compiled once here: importing torch from source costs 10 s and more each time.
      yield* run(uv, ['pip', 'install', '--compile-bytecode', ...target], uvEnv);
    },
    add: (python, packages) =>
      run(uv, ['pip', 'install', '--compile-bytecode', '--python', python, ...packages], uvEnv),
  };
}

function pipInstaller(env: NodeJS.ProcessEnv): Installer {
  const pip = ['-m', 'pip', '--disable-pip-version-check', 'install', '--progress-bar', 'off'];
  return {
    name: 'pip',
    async *install(base, folder, requirements) {
      yield* run(base.python, ['-m', 'venv', folder], env);
      // pip compiles what it installs by itself.
      yield* run(pythonIn(folder), [...pip, '-r', requirements], env);
    },
    add: (python, packages) => run(python, [...pip, ...packages], env),
  };
}

/** Path of a working uv: the user's own on the PATH, else the one that python/uv.txt pins by version and hash. Installing it is a convenience: any failure means "no uv". */
async function findUv(base: Interpreter, cache: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const { execa } = await import('execa');
  const works = async (uv: string) =>
    !(await execa(uv, ['--version'], { env, extendEnv: false, reject: false, stdin: 'ignore' })).failed;
  if (await works('uv')) return 'uv';
  const pin = join(PYTHON_FOLDER, 'uv.txt');
  const version = /^uv==(\S+)/m.exec(readFileSync(pin, 'utf8'))![1]!;
  const folder = join(cache, `uv-${version}`);
  const own = process.platform === 'win32' ? join(folder, 'Scripts', 'uv.exe') : join(folder, 'bin', 'uv');
  if (existsSync(own) && (await works(own))) return own;
  // Aside and renamed, like the environments; uv is a program of its own and does not mind.
  const aside = `${folder}.making-${process.pid}`;
  const quiet = { env, extendEnv: false, reject: false, stdin: 'ignore' } as const;
  try {
    await execa(base.python, ['-m', 'venv', aside], quiet);
    const hashed = ['--require-hashes', '--only-binary', ':all:', '--no-deps', '-r', pin];
    await execa(pythonIn(aside), ['-m', 'pip', '--disable-pip-version-check', 'install', ...hashed], quiet);
    rmSync(folder, { recursive: true, force: true });
    renameSync(aside, folder);
    return (await works(own)) ? own : undefined;
  } catch {
    return undefined;
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}

/** Runs a program and passes on its last line as it works, with the bytes that it says it downloads. */
async function* run(file: string, args: string[], env: NodeJS.ProcessEnv): Work<void> {
  const { execa } = await import('execa');
  const child = execa(file, args, {
    env,
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
    all: true,
    cleanup: true,
  });
  const progress = installProgress();
  for await (const line of child.iterable({ from: 'all' })) {
    const step = progress.read(String(line));
    if (step !== null) yield step;
  }
  const result = await child;
  if (result.failed)
    throw installError(
      `${file} ${args.slice(0, 2).join(' ')}`,
      String(result.all ?? ''),
      result.shortMessage ?? 'failed',
    );
}

function installError(what: string, output: string, short: string): OutsideError {
  const exitCode = EXIT.trainer;
  const tail = output.trim().split('\n').slice(-12).join('\n') || short;
  if (/no space left|ENOSPC|disk quota|os error 28/i.test(output))
    return new OutsideError('disk.full', `The disk is full (${what}).`, {
      exitCode,
      nextSteps: ['df -h', 'export XDG_CACHE_HOME=/path/on/a/larger/disk'],
    });
  if (/ensurepip is not available|No module named (venv|ensurepip|pip)/i.test(output))
    return new OutsideError(
      'python.no_venv',
      'This Python has no venv module (Debian and Ubuntu package it apart).',
      {
        exitCode,
        nextSteps: ['sudo apt-get install python3-venv', 'pt setup'],
      },
    );
  if (
    /dns error|error sending request|Temporary failure in name|Name or service not known|Max retries|connection (refused|reset|timed)|Network is unreachable|NewConnectionError/i.test(
      output,
    )
  )
    return new OutsideError(
      'python.no_network',
      `The package registry cannot be reached (${what}): ${tail.split('\n').at(-1)}`,
      {
        exitCode: EXIT.network,
        nextSteps: [
          'pt setup   # again, with a network',
          'export PT_PYTHON=/path/to/python   # one that has the packages of python/requirements.txt',
        ],
      },
    );
  return new OutsideError('python.install_failed', `${what} failed:\n${tail}`, {
    exitCode,
    nextSteps: ['pt setup', 'pt doctor'],
  });
}
