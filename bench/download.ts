/**
 * Downloading and verifying a model of 1 GiB from the sandbox Hub, against huggingface_hub's snapshot_download plus the SHA-256 check that it
 * leaves out; once as it is on this machine, once with 100 ms before every answer of Hub and object store. PT_BENCH_GIB sets another size.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findPython } from '../src/bridge/index.ts';
import { makeModel } from './upload/make-model.ts';
import { measure, report, startHubProcess } from './upload/measure.ts';

const MIB = 2 ** 20;
const here = join(import.meta.dirname, 'download');
const dir = mkdtempSync(join(tmpdir(), 'pt-bench-download-'));
try {
  const python = await findPython();
  await makeModel(join(dir, 'model'), Number(process.env.PT_BENCH_GIB ?? 2));
  const hub = await startHubProcess(join(dir, 'hub'));
  try {
    // The same model as the upload benchmark: 2 GiB in fp32, 1 GiB as it is published.
    await measure(hub, process.execPath, [
      join(import.meta.dirname, 'upload', 'ours.mjs'),
      join(dir, 'model'),
    ]);
    for (const latency of [0, 100]) {
      await hub.setLatency(latency);
      const ours = await measure(hub, process.execPath, [
        join(here, 'ours.mjs'),
        'bench/ours',
        join(dir, `a${latency}`),
      ]);
      const rival = python
        ? await measure(hub, python.python, [
            join(here, 'reference.py'),
            'bench/ours',
            join(dir, `b${latency}`),
          ])
        : null;
      const bench = latency ? `download, ${latency} ms latency` : 'download';
      report(bench, 'cpu', 's', ours.cpu, rival?.cpu ?? null);
      report(bench, 'wall', 's', ours.wall, rival?.wall ?? null);
      report(bench, 'peak RSS', 'MiB', ours.rss / MIB, rival ? rival.rss / MIB : null);
    }
  } finally {
    await hub.stop();
  }
} finally {
  rmSync(dir, { recursive: true, force: true });
}
