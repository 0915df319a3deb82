/**
 * Reading 256 neurons and all 255 commitments at 100 ms round trip, metadata cached, against the Python SDK doing the same through the same
 * proxy. Both run as processes of their own, start included; the chain is a third one. Also what the room costs to import and how long a
 * commitment takes from signing to the settled block.
 *
 * PT_BENCH_RUNS sets the number of runs (5; the rival takes at most 3), PT_BENCH_RTT_MS the round trip, PT_BENCH_BITTENSOR an interpreter that
 * has the SDK already; otherwise one is installed once under the cache folder.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Result, runClient, startNodeProcess } from './chain/processes.ts';
import { findRival, RIVAL } from './chain/rival.ts';

const here = join(import.meta.dirname, 'chain');
const rttMs = Number(process.env.PT_BENCH_RTT_MS ?? 100);
const runs = Number(process.env.PT_BENCH_RUNS ?? 5);
const dir = mkdtempSync(join(tmpdir(), 'pt-bench-chain-'));

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

function report(metric: string, unit: string, value: number, rival: number | null): void {
  const round = (number: number): number => Number(number.toPrecision(3));
  const ratio = rival === null ? null : round(value / rival);
  const line = {
    bench: 'chain',
    metric,
    value: round(value),
    unit,
    rival: rival === null ? null : round(rival),
    ratio,
  };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

const node = await startNodeProcess(join(dir, 'state'), rttMs);
try {
  const ours = (job: string): Promise<Result> =>
    runClient(process.execPath, [join(here, 'ours.mjs'), job, node.url, join(dir, 'cache'), node.seed]);
  await ours('read'); // fills the metadata cache
  const read: Result[] = [];
  for (let i = 0; i < runs; i++) read.push(await ours('read'));
  const first = read[0]!;
  if (first.neurons !== 256 || first.commitments !== 255) throw new Error('the read was not whole');

  const python = findRival();
  const rival: Result[] = [];
  for (let i = 0; python && i < Math.min(runs, 3); i++)
    rival.push(await runClient(python, [join(here, 'rival.py'), node.url]));
  const theirs = (pick: (result: Result) => number): number | null =>
    rival.length > 0 ? median(rival.map(pick)) : null;
  if (rival.some(({ neurons, commitments }) => neurons !== 256 || commitments !== 255))
    throw new Error(`${RIVAL} did not read everything`);

  const what = `256 neurons and all commitments at ${rttMs} ms round trip`;
  report(
    `${what}, process start to end`,
    's',
    median(read.map(({ wall }) => wall)),
    theirs(({ wall }) => wall),
  );
  report(
    `${what}, connecting and reading`,
    's',
    median(read.map(({ job }) => job)),
    theirs(({ job }) => job),
  );
  report(
    `${what}, CPU of the process`,
    's',
    median(read.map(({ cpu }) => cpu)),
    theirs(({ cpu }) => cpu),
  );
  report(
    `${what}, peak memory`,
    'MiB',
    median(read.map(({ rss }) => rss)),
    theirs(({ rss }) => rss),
  );
  report(`${what}, frames sent and received`, 'frames', median(read.map(({ frames }) => frames!)), null);

  const commits: Result[] = [];
  for (let i = 0; i < runs; i++) commits.push(await ours('commit'));
  report(
    `commitment at ${rttMs} ms round trip and ${node.blockTimeMs} ms blocks`,
    's',
    median(commits.map(({ job }) => job)),
    null,
  );
  const imports = [];
  for (let i = 0; i < runs; i++) imports.push(await ours('import'));
  const polkadot = [];
  for (let i = 0; i < Math.min(runs, 3); i++)
    polkadot.push(await runClient(process.execPath, [join(here, 'import-polkadot.mjs')]));
  report(
    'CPU of importing the chain room, against @polkadot/api unbundled',
    's',
    median(imports.map(({ cpu }) => cpu)),
    median(polkadot.map(({ cpu }) => cpu)),
  );
} finally {
  node.stop();
  rmSync(dir, { recursive: true, force: true });
}
