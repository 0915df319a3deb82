/** By which name this tool can be called from where its user stands. Other packages and programs are called `pt` too. */
import { closeSync, existsSync, openSync, readFileSync, readSync, realpathSync } from 'node:fs';
import { basename, delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { shellWord } from '../text/shell-word.ts';

/** The name of the package, which nobody else's program has. */
export const OWN_NAME = 'pretrain-miner';
const NAMES = ['pt', OWN_NAME];
const START = fileURLToPath(new URL('../../bin/run.js', import.meta.url));
/** A shim (of npm on Windows, pnpm, somebody's own) is a short script that names the package, or this file. */
const SHIM_BYTES = 4096;

export interface Caller {
  env: NodeJS.ProcessEnv;
  cwd: string;
  /** What Node was told to run (`process.argv[1]`): the link that was called, or the file behind it. */
  script?: string | undefined;
}

/** `pt`, `pretrain-miner`, `npx pt`, …: what the tool's name has to be in a command that is pasted where it was printed. */
export function calledAs({ env, cwd, script = START }: Caller): string {
  const name = basename(script);
  const named = NAMES.includes(name);
  if (env.npm_command === 'exec') {
    // Outside of a project that has it, `npx pt` would fetch the package of somebody else.
    const project = env.npm_config_local_prefix ?? cwd;
    return isOurProject(project) ? `npx ${named ? name : 'pt'}` : `npx ${OWN_NAME}`;
  }
  const candidates = named ? [name, ...NAMES.filter((other) => other !== name)] : NAMES;
  const found = candidates.map((each) => ({ each, path: onPath(each, env) }));
  const ours = found.find(({ path }) => path !== null && isOurs(path));
  if (ours) return ours.each;
  if (hasOurs(cwd)) return 'npx pt';
  if (found.every(({ path }) => path === null) && !named) return 'pt';
  return named ? shellWord(script) : `node ${shellWord(script)}`;
}

/** The name under which a shell that starts later finds this tool: `pt`, unless that is another program. */
export function nameOnPath(env: NodeJS.ProcessEnv): string {
  const path = onPath('pt', env);
  return path === null || isOurs(path) ? 'pt' : OWN_NAME;
}

/** The first program of a name on the PATH; null: none. */
export function onPath(name: string, env: NodeJS.ProcessEnv): string | null {
  for (const folder of (env.PATH ?? '').split(delimiter))
    if (folder !== '' && existsSync(join(folder, name))) return join(folder, name);
  return null;
}

/** Whether a program is this tool, of whichever copy or version. */
export function isOurs(path: string): boolean {
  try {
    const real = realpathSync(path);
    if (real === realpathSync(START) || basename(dirname(dirname(real))) === OWN_NAME) return true;
    const head = Buffer.alloc(SHIM_BYTES);
    const file = openSync(real, 'r');
    try {
      const text = head.subarray(0, readSync(file, head));
      return text.includes(OWN_NAME) || text.includes(START);
    } finally {
      closeSync(file);
    }
  } catch {
    return false;
  }
}

const hasOurs = (folder: string): boolean => isOurs(join(folder, 'node_modules', '.bin', 'pt'));

/** Whether npx finds this tool in a project without fetching it: among its packages, or because it is the tool's own. */
function isOurProject(folder: string): boolean {
  if (hasOurs(folder)) return true;
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).name === OWN_NAME;
  } catch {
    return false;
  }
}
