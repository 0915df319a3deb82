import { withoutSecrets } from '../secret.ts';

/** A Python interpreter on this machine, before any package is looked at. */
export interface Interpreter {
  /** Absolute path, as `sys.executable` gives it. */
  python: string;
  /** `3.12.4` */
  version: string;
}

/** What was tried, for the message when nothing fits. */
export interface Tried {
  command: string;
  problem: string;
}

const OLDEST_PYTHON: Release = [3, 10];
/** Newest version that all pinned packages have builds for. */
const NEWEST_PYTHON: Release = [3, 14];

/** `3.14`, and `3.10 to 3.14`, for messages. */
export const NEWEST = NEWEST_PYTHON.join('.');
export const PYTHONS = `${OLDEST_PYTHON.join('.')} to ${NEWEST}`;

/** `python3` first, because it is what the user's shell, virtual environment or pyenv points at. */
function candidates(platform: NodeJS.Platform): string[][] {
  const minors = [14, 13, 12, 11, 10].map((minor) => [`python3.${minor}`]);
  const named = [['python3'], ['python'], ...minors];
  return platform === 'win32' ? [['py', '-3'], ...named] : named;
}

/** Asks `command` who it is. The answer is its version and path, or one sentence that says what is wrong with it. */
export async function probe(command: string[], env: NodeJS.ProcessEnv): Promise<Interpreter | string> {
  const [file, ...args] = command as [string, ...string[]];
  const script = 'import sys,platform;print(sys.executable);print(platform.python_version())';
  const { execa } = await import('execa');
  const result = await execa(file, [...args, '-c', script], {
    env: withoutSecrets(env),
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
    timeout: 20_000,
  });
  if (result.code === 'ENOENT') return 'not found';
  if (result.timedOut) return 'did not answer within 20 s';
  if (result.failed) {
    const last = result.stderr.trim().split('\n').at(-1) || result.shortMessage;
    return `does not run: ${last}`;
  }
  const [python = '', version = ''] = result.stdout.trim().split(/\r?\n/).slice(-2);
  return { python, version };
}

type Release = readonly [major: number, minor: number];

/** Of `3.12.4`. */
export function releaseOf(version: string): Release {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  return [major, minor];
}

const isOlder = (a: Release, b: Release): boolean => a[0] < b[0] || (a[0] === b[0] && a[1] < b[1]);

/** Whether the pinned packages have builds for this Python. */
export function age(release: Release): 'too old' | 'fits' | 'too new' {
  if (isOlder(release, OLDEST_PYTHON)) return 'too old';
  return isOlder(NEWEST_PYTHON, release) ? 'too new' : 'fits';
}

/**
 * The best interpreter on the PATH to make an environment from, or what was tried. One that is too new is taken only by what has builds for every
 * later Python (`newer`), and there only when it is the only one.
 */
export async function findInterpreter(
  env: NodeJS.ProcessEnv,
  { platform = process.platform, newer = false } = {},
): Promise<Interpreter | Tried[]> {
  const tried: Tried[] = [];
  let tooNew: Interpreter | undefined;
  for (const command of candidates(platform)) {
    const found = await probe(command, env);
    const name = command.join(' ');
    if (typeof found === 'string') {
      tried.push({ command: name, problem: found });
      continue;
    }
    const is = age(releaseOf(found.version));
    if (is === 'fits') return found;
    if (is === 'too new' && newer) tooNew ??= found;
    tried.push({ command: name, problem: `is ${found.version}, ${is}` });
  }
  return tooNew ?? tried;
}
