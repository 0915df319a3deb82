import { join, resolve } from 'node:path';
import type { CheckVerdict } from '../check/types.ts';
import { writeWhole } from '../host/write-file.ts';
import { loadAssets } from './assets.ts';
import { runPage } from './page.ts';
import { openRunReader, type RunReport } from './run-report.ts';

export interface WrittenReport {
  /** Absolute path of the page. */
  file: string;
  bytes: number;
  report: RunReport;
}

/**
 * Writes the page of a run, whatever state it is in, to `out` (`report.html` in its folder when null).
 * Throws `UserError` `disk.*` when it cannot be written.
 */
export async function writeRunReport(
  runDir: string,
  { check, out }: { check: CheckVerdict | null; out: string | null },
): Promise<WrittenReport> {
  const report = await openRunReader(runDir, check).read();
  const page = runPage(report, await loadAssets());
  const file = out === null ? join(runDir, 'report.html') : resolve(out);
  await writeWhole(file, page, { mode: 0o666 });
  return { file, bytes: Buffer.byteLength(page), report };
}
