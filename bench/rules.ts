/**
 * `pt check` of a 14B-parameter folder (sparse files; no disk is needed) and win rates of 256 models on 1,000 batches. Rivals in the same
 * run: the reference's way of counting and comparing, in Python (PT_PYTHON), with the same input.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { winRates } from '../src/rules/index.ts';
import { LLAMA_14B, writeSparseModel } from '../test/model/support.ts';

const bin = join(dirname(dirname(fileURLToPath(import.meta.url))), 'bin', 'run.js');
const runs = Number(process.env.PT_BENCH_RUNS ?? 5);
const home = mkdtempSync(join(tmpdir(), 'pt-bench-rules-'));
const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

function report(
  metric: string,
  value: number,
  unit: string,
  rival: string | null,
  rivalValue: number | null,
): void {
  const ratio = rivalValue === null ? null : Number((value / rivalValue).toFixed(4));
  console.log(
    JSON.stringify({ bench: 'rules', metric, value: Number(value.toFixed(4)), unit, rival, ratio }),
  );
}

/** One command: seconds and its peak resident memory in MB, as the command itself reports it at its end. */
function once(
  command: string[],
  env: Record<string, string> = {},
): { seconds: number; megabytes: number | null; out: string } {
  const begin = performance.now();
  const { status, stdout, stderr } = spawnSync(command[0]!, command.slice(1), {
    encoding: 'utf8',
    env: { ...process.env, PT_HOME: home, ...env },
  });
  const seconds = (performance.now() - begin) / 1000;
  if (status !== 0) throw new Error(`${command.join(' ')} failed: ${stderr}`);
  const peak = /peak-rss-kb (\d+)/.exec(stderr)?.[1];
  return { seconds, megabytes: peak === undefined ? null : Number(peak) / 1024, out: stdout };
}

/** Tells its peak memory as it exits. */
const reporter = join(home, 'report.cjs');
writeFileSync(
  reporter,
  "process.on('exit', () => process.stderr.write('peak-rss-kb ' + process.resourceUsage().maxRSS + '\\n'));",
);

function benchCheck(): void {
  const dir = mkdtempSync(join(home, 'model-'));
  writeSparseModel(dir, LLAMA_14B, 6);
  const command = [
    process.execPath,
    '--require',
    reporter,
    bin,
    'check',
    dir,
    '--offline',
    '--json',
    '--profile',
    '6.0',
    '--block',
    '5200000',
  ];
  const ours = Array.from({ length: runs + 1 }, () => once(command)).slice(1);
  const verdict = JSON.parse(ours[0]!.out);
  if (!verdict.accepted || verdict.parameters < 13.7e9) throw new Error('the 14B model was not accepted');
  // The reference builds the class from the config and sums its parameters; on the meta device, so that it needs no 28 GB.
  const script = `
import resource, sys, torch
from transformers import AutoConfig, AutoModelForCausalLM
config = AutoConfig.from_pretrained(sys.argv[1])
with torch.device("meta"):
    model = AutoModelForCausalLM.from_config(config)
print(sum(p.numel() for p in model.parameters()))
print("peak-rss-kb", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
`;
  const python = process.env.PT_PYTHON;
  const theirs = python ? Array.from({ length: 3 }, () => once([python, '-c', script, dir])) : [];
  if (theirs[0] && Number(theirs[0].out) !== verdict.parameters) throw new Error('parameter counts differ');
  const rival = theirs.length > 0 ? 'transformers on the meta device' : null;
  const rivalOf = (pick: (r: { seconds: number; megabytes: number | null }) => number) =>
    rival ? median(theirs.map(pick)) : null;
  report(
    'check of 14B parameters, wall',
    median(ours.map((r) => r.seconds)),
    's',
    rival,
    rivalOf((r) => r.seconds),
  );
  report(
    'check of 14B parameters, peak memory',
    median(ours.map((r) => r.megabytes!)),
    'MB',
    rival,
    rivalOf((r) => r.megabytes!),
  );
}

function benchWins(): void {
  const [models, batches] = [256, 1000];
  const losses = (i: number) =>
    Float64Array.from({ length: batches }, (_, k) => 2 + ((i * 7919 + k * 104729) % 1000) / 1000);
  const contenders = Array.from({ length: models }, (_, i) => ({
    uid: i,
    block: 1000 + ((i * 7) % 50),
    losses: losses(i),
  }));
  const times = Array.from({ length: runs }, () => {
    const begin = performance.now();
    winRates(contenders, { type: 'FixedEpsilon', epsilon: 0.005 }, 2000, 0);
    return (performance.now() - begin) / 1000;
  });
  // The reference's loop: every ordered pair, every batch, in Python. One in 16 of the models' rows is timed and scaled.
  const script = `
import time
losses = [[2 + ((i * 7919 + k * 104729) % 1000) / 1000 for k in range(${batches})] for i in range(${models})]
blocks = [1000 + (i * 7) % 50 for i in range(${models})]
begin = time.perf_counter()
wins = [0] * ${models}
for i in range(0, ${models}, 16):
    for j in range(${models}):
        if i == j:
            continue
        for k in range(${batches}):
            a, b = losses[i][k], losses[j][k]
            a = a * (1 - 0.005) if blocks[i] < blocks[j] else a
            b = b * (1 - 0.005) if blocks[i] > blocks[j] else b
            wins[i] += a < b
print((time.perf_counter() - begin) * 16)
`;
  const python = process.env.PT_PYTHON ?? 'python3';
  const theirs = Number(once([python, '-c', script]).out);
  report('win rates of 256 models on 1,000 batches', median(times), 's', 'the same loop in Python', theirs);
}

try {
  benchCheck();
  benchWins();
} finally {
  rmSync(home, { recursive: true, force: true });
}
