import { mkdir, realpath } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { CheckError } from '../errors.ts';
import { diskError } from '../host/disk-error.ts';
import type { Progress, Work } from '../progress.ts';
import { asWork, inParallel } from '../work.ts';
import type { Connection } from './connection.ts';
import { downloadFile } from './download-file.ts';
import { hostile } from './hub-errors.ts';
import { checkFilePath, checkRepo, checkRevision } from './names.ts';
import { makeSlots } from './slots.ts';
import type { DownloadRequest, HubFile } from './types.ts';

/** Connections, each with a buffer of 8 MiB. */
const CONCURRENCY = 6;

/** Downloads files side by side; each gets its final name only when its hash is the one that the listing promised. */
export function download(
  connection: Connection,
  request: DownloadRequest,
): Work<{ bytesDownloaded: number }> {
  return asWork(request.signal, (report, signal) => run(connection, request, report, signal));
}

async function run(
  connection: Connection,
  request: DownloadRequest,
  report: (event: Progress) => void,
  signal: AbortSignal,
): Promise<{ bytesDownloaded: number }> {
  const { repo, revision, files, maxBytes, concurrency = CONCURRENCY } = request;
  checkRepo(repo);
  checkRevision(revision);
  for (const file of files) checkFilePath(file.path);
  // On systems that do not tell case apart, two such names would be one file.
  if (new Set(files.map((file) => file.path.toLowerCase())).size !== files.length)
    throw hostile(`${repo} lists two files of the same name.`);
  const total = files.reduce((sum, file) => sum + file.size, 0);
  if (maxBytes !== undefined && total > maxBytes) {
    throw new CheckError('hub.too_large', `${repo} has ${total} bytes, more than the ${maxBytes} allowed.`, {
      nextSteps: ['Do not use this model: it is larger than its competition allows.'],
      details: { bytes: total, limit: maxBytes },
    });
  }

  const slots = makeSlots(concurrency);
  let done = 0;
  let bytesDownloaded = 0;
  const tell = (count: number, overTheWire: boolean): void => {
    done += count;
    if (overTheWire && count > 0) bytesDownloaded += count;
    report({ kind: 'progress', phase: 'downloading', done, total, unit: 'bytes' });
  };
  tell(0, false);
  try {
    await mkdir(request.dir, { recursive: true });
    const root = await realpath(request.dir);
    await inParallel(files, concurrency, async (file) => {
      const target = join(root, file.path);
      await mkdir(dirname(target), { recursive: true });
      // A link in the folder could lead elsewhere; what strangers name stays inside.
      const parent = await realpath(dirname(target));
      if (parent !== root && !parent.startsWith(root + sep))
        throw hostile(`${file.path} would be written outside of ${request.dir}.`);
      await downloadFile(connection, {
        repo,
        revision,
        file,
        target,
        signal,
        tell,
        slots,
        wrongSize: () => wrongSize(repo, file),
      });
    });
  } catch (error) {
    throw diskError(error, request.dir);
  }
  return { bytesDownloaded };
}

const wrongSize = (repo: string, file: HubFile): CheckError =>
  new CheckError(
    'hub.too_large',
    `${file.path} of ${repo} does not have the ${file.size} bytes that the listing says.`,
    {
      nextSteps: ['Do not use this repository.'],
    },
  );
