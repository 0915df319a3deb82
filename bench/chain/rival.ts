import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

export const RIVAL = 'bittensor 10.5';
const REQUIREMENT = 'bittensor==10.5.*';

/** An interpreter that has the SDK: the one that is named, the one that is cached, or one installed now; null with a said reason. */
export function findRival(): string | null {
  const named = process.env.PT_BENCH_BITTENSOR;
  if (named) return named;
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
  const dir = join(cache, 'pretrain-miner', 'bench-bittensor-10.5');
  const python = join(dir, 'bin', 'python');
  const works = (): boolean => existsSync(python) && run(python, ['-c', 'import bittensor']) === null;
  if (works()) return python;
  process.stderr.write(`Installing ${RIVAL} for the comparison, once …\n`);
  const failure = install(dir, python);
  if (failure === null && works()) return python;
  process.stderr.write(`No comparison with ${RIVAL}: ${failure ?? 'it does not import'}\n`);
  return null;
}

/** With uv where it is there, with venv and pip otherwise; the last line of what went wrong, or null. */
function install(dir: string, python: string): string | null {
  if (run('uv', ['--version']) === null)
    return (
      run('uv', ['venv', '--clear', dir]) ?? run('uv', ['pip', 'install', '--python', python, REQUIREMENT])
    );
  return (
    run('python3', ['-m', 'venv', '--clear', dir]) ?? run(python, ['-m', 'pip', 'install', '-q', REQUIREMENT])
  );
}

function run(command: string, args: string[]): string | null {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (status === 0) return null;
  return error?.message ?? stderr.trim().split('\n').at(-1) ?? `${command} ended with ${status}`;
}
