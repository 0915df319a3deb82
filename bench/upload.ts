/**
 * Publishing a 2 GiB fp32 model as bf16 to the sandbox Hub, against the reference's way in Python (load, cast, save, upload, download again,
 * hash). Both run as processes of their own, measured from start to end, imports included; the Hub is a third one. PT_BENCH_GIB sets another size.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findPython } from '../src/bridge/index.ts';
import { makeModel } from './upload/make-model.ts';
import { measure, report, startHubProcess } from './upload/measure.ts';

const MIB = 2 ** 20;
const here = join(import.meta.dirname, 'upload');
const dir = mkdtempSync(join(tmpdir(), 'pt-bench-upload-'));
try {
  const python = await findPython();
  const bytes = await makeModel(join(dir, 'model'), Number(process.env.PT_BENCH_GIB ?? 2));
  const hub = await startHubProcess(join(dir, 'hub'));
  try {
    const ours = await measure(hub, process.execPath, [join(here, 'ours.mjs'), join(dir, 'model')]);
    const rival = python
      ? await measure(hub, python.python, [
          join(here, 'reference.py'),
          join(dir, 'model'),
          join(dir, 'cache'),
        ])
      : null;
    report('upload', 'cpu', 's', ours.cpu, rival?.cpu ?? null);
    report('upload', 'wall', 's', ours.wall, rival?.wall ?? null);
    report('upload', 'peak RSS', 'MiB', ours.rss / MIB, rival ? rival.rss / MIB : null);
    report(
      'upload',
      'bytes on the wire, both ways',
      'MiB',
      (ours.received + ours.sent) / MIB,
      rival ? (rival.received + rival.sent) / MIB : null,
    );
    report(
      'upload',
      'bytes on the wire against the size in bf16',
      'ratio',
      (ours.received + ours.sent) / (bytes / 2),
      null,
    );
  } finally {
    await hub.stop();
  }
} finally {
  rmSync(dir, { recursive: true, force: true });
}
