/**
 * How long a person waits for nothing: `pt --version`, `--help` and a small command, against bare Node and, where they are installed, the
 * Python tools that miners know. Median wall time of single runs, all taken in turn so that a busy machine is equally busy for each.
 * PT_BENCH_RUNS sets the number of runs; PT_BENCH_BTCLI and PT_BENCH_HF name the rivals' programs.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const bin = join(dirname(dirname(fileURLToPath(import.meta.url))), 'bin', 'run.js');
const runs = Number(process.env.PT_BENCH_RUNS ?? 15);
const home = mkdtempSync(join(tmpdir(), 'pt-bench-startup-'));
const python = process.env.PT_PYTHON;
const pt = (...args: string[]) => [process.execPath, bin, ...args];

const programs: Record<string, string[]> = {
  'node -e 0': [process.execPath, '-e', '0'],
  'pt --version': pt('--version'),
  'pt --help': pt('--help'),
  'pt train --help': pt('train', '--help'),
  'pt config show': pt('config', 'show'),
  'hf --version': [process.env.PT_BENCH_HF ?? (python ? join(dirname(python), 'hf') : 'hf'), '--version'],
  'btcli --help': [process.env.PT_BENCH_BTCLI ?? 'btcli', '--help'],
};

function once([program, ...args]: string[]): number | null {
  const begin = performance.now();
  const { status } = spawnSync(program!, args, { stdio: 'ignore', env: { ...process.env, PT_HOME: home } });
  return status === 0 ? performance.now() - begin : null;
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

// Once unmeasured: fills the compile caches, and shows what is not installed.
const installed = Object.entries(programs).filter(([, command]) => once(command) !== null);
const times = new Map(installed.map(([name]) => [name, [] as number[]]));
for (let run = 0; run < runs; run += 1) {
  for (const [name, command] of installed) {
    const took = once(command);
    if (took !== null) times.get(name)!.push(took);
  }
}
rmSync(home, { recursive: true });

const figure = (name: string): number | null => (times.get(name)?.length ? median(times.get(name)!) : null);
const show = (metric: string, value: number | null, rival: number | null) =>
  process.stdout.write(
    `${JSON.stringify({
      bench: 'startup',
      metric,
      value: value === null ? null : Math.round(value),
      unit: 'ms',
      rival: rival === null ? null : Math.round(rival),
      ratio: value === null || rival === null ? null : Number((value / rival).toFixed(2)),
    })}\n`,
  );

const node = figure('node -e 0');
for (const name of ['pt --version', 'pt --help', 'pt train --help', 'pt config show']) {
  show(`${name} against node -e 0`, figure(name), node);
}
show('pt --help against btcli --help', figure('pt --help'), figure('btcli --help'));
show('pt --version against hf --version', figure('pt --version'), figure('hf --version'));
