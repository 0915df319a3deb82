import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder, findManaged } from '../bridge/index.ts';
import { diskUsage } from '../host/disk-usage.ts';
import { isLocked } from '../host/lock.ts';
import { isFinished, journalFiles } from '../publish/index.ts';
import { readSandboxState, sandboxDir } from '../sandbox/index.ts';
import { listRuns } from '../training/index.ts';
import type { Kept } from './types.ts';
import { type InUse, pathsInUse } from './used.ts';

export interface Where {
  /** PT_HOME. */
  home: string;
  /** Where runs are, whose trainers use the caches. */
  runsDir: string;
  env: NodeJS.ProcessEnv;
}

/** Everything that `pt` keeps beside its runs, in a fixed order, largest first of a kind. What is not there is left out. */
export async function listKept({ home, runsDir, env }: Where): Promise<Kept[]> {
  const [inUse, runs] = [await pathsInUse(), await listRuns(runsDir)];
  const training = runs.find(({ state }) => state === 'running');
  const busy = (path: string) =>
    training !== undefined ? `run ${training.id} is being trained` : inUse(path) ? USED : null;
  const kept = [
    ...(await environments(cacheFolder(env), env, inUse)),
    ...[
      {
        name: 'tokens',
        what: 'text as token ids; made again from the data',
        path: join(home, 'cache', 'tokens'),
      },
      { name: 'datasets', what: 'fetched data; downloaded again', path: join(home, 'cache', 'datasets') },
      { name: 'reading', what: 'what was read of local data; read again', path: join(home, 'cache', 'read') },
      {
        name: 'scores',
        what: 'losses of models scored here; scored again',
        path: join(home, 'cache', 'losses'),
      },
      { name: 'chain', what: 'metadata of chains; fetched again', path: join(home, 'cache', 'chain') },
      { name: 'models', what: "others' models; downloaded again", path: join(home, 'models') },
    ].map((entry) => ({ ...entry, stays: busy(entry.path) })),
    ...(await journals(home)),
    sandbox(home),
  ];
  const sized = await Promise.all(kept.map(async (each) => ({ ...each, ...(await diskUsage(each.path)) })));
  return sized.filter(({ bytes, shared }) => bytes + shared > 0);
}

const USED = 'a process uses it';
type Unsized = Omit<Kept, 'bytes' | 'shared'>;

const KINDS: [form: RegExp, name: string, what: string][] = [
  [/^python-[0-9a-f]{16}-\d+\.\d+$/, 'python', 'environment of the trainer; pt setup makes it again'],
  [/^seal-[0-9a-f]{16}-\d+\.\d+$/, 'seal', 'environment that seals commitments; made again when needed'],
  [/^(uv|pip)-[\d.]+$/, 'installer', 'what environments are made with; downloaded again'],
  [/^compiled$/, 'compiled', 'pt itself, compiled; made again'],
  [/^compat$/, 'compat', "environments of pt's own tests"],
  [/\.making-\d+$/, 'leftovers', 'an environment whose making was interrupted'],
];

async function environments(cache: string, env: NodeJS.ProcessEnv, inUse: InUse): Promise<Unsized[]> {
  const current = [findManaged(env)?.python, env.PT_PYTHON];
  const names = await readdir(cache).catch(() => []);
  return KINDS.flatMap(([form, name, what]) =>
    names
      .filter((file) => form.test(file))
      .map((file) => {
        const path = join(cache, file);
        const making = isLocked(`${path.replace(/\.making-\d+$/, '')}.lock`);
        const stays = making ? 'it is being made' : inUse(path) ? USED : null;
        const old =
          name === 'python' && !current.some((python) => python?.startsWith(`${path}/`))
            ? ', of another version of pt'
            : '';
        return { name: old === '' ? name : 'old-python', path, what: `${what}${old}`, stays };
      }),
  );
}

/** Journals of publishes that are done. Of the others each stays: without it what was begun could not be gone on with. */
async function journals(home: string): Promise<Unsized[]> {
  const held = (await readdir(join(home, 'journals')).catch(() => [])).some(
    (name) => name.endsWith('.lock') && isLocked(join(home, 'journals', name)),
  );
  return (await journalFiles(home)).map(({ path, journal }) => ({
    name: 'journals',
    path,
    what: journal === null ? 'of a publish' : `of the publish of ${journal.repo}`,
    stays:
      journal === null
        ? 'it cannot be read'
        : !isFinished(journal)
          ? 'its publish is not finished'
          : held
            ? 'a publish is under way'
            : null,
  }));
}

function sandbox(home: string): Unsized {
  const path = sandboxDir(home);
  const running = readSandboxState(path) !== null;
  return {
    name: 'sandbox',
    path,
    what: 'its chain, repositories and throwaway wallet; a new one begins empty',
    stays: running ? 'it runs: pt sandbox stop' : null,
  };
}
