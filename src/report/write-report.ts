import { join, resolve } from 'node:path';
import type { CheckVerdict } from '../check/types.ts';
import { writeWhole } from '../host/write-file.ts';
import { loadAssets } from './assets.ts';
import { runPage } from './page.ts';
import { openRunReaders, type RunReport } from './run-report.ts';

export interface WrittenReport {
  /** Absolute path of the page. */
  file: string;
  bytes: number;
  /** Of each run, in the order asked for. */
  reports: RunReport[];
}

/**
 * Writes the page of a run, whatever state it is in, or of several, to `out`; when null: `report.html` in the run's folder, of several
 * `comparison.html` beside the first. `check`: of the one run's best model. Throws `UserError` `disk.*` when it cannot be written.
 */
export async function writeRunReport(
  runDirs: string[],
  { check, out }: { check: CheckVerdict | null; out: string | null },
): Promise<WrittenReport> {
  const reports = await Promise.all(openRunReaders(runDirs, check).map((reader) => reader.read()));
  const page = runPage(reports, await loadAssets());
  const first = runDirs[0]!;
  const usual = runDirs.length === 1 ? join(first, 'report.html') : join(first, '..', 'comparison.html');
  const file = out === null ? usual : resolve(out);
  await writeWhole(file, page, { mode: 0o666 });
  return { file, bytes: Buffer.byteLength(page), reports };
}
