import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { CheckVerdict } from '../check/types.ts';
import { diskError } from '../host/disk-error.ts';
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
  await writePage(file, page);
  return { file, bytes: Buffer.byteLength(page), report };
}

/** Replaces a page, so that a browser never reads half of one. */
export async function writePage(file: string, page: string): Promise<void> {
  const temporary = `${file}.${randomUUID()}.tmp`;
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(temporary, page);
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {}); // the first failure is the one to tell
    throw diskError(error, file);
  }
}
