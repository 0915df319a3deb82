/** The files of a model folder, as far as they may be followed. */
import { lstat, opendir, realpath, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { PtError, UserError } from '../errors.ts';
import { problem } from '../rules/model/problem.ts';
import type { Finding } from '../rules/types.ts';

/** Entries of a folder that are looked at. */
const MAX_ENTRIES = 20_000;
/** Bookkeeping of other tools, never part of a model. */
const SKIPPED_FOLDERS = new Set(['.git', '.cache', '__pycache__']);

/** The real path of a folder. Throws `UserError` `model.missing`. */
export async function folder(dir: string): Promise<string> {
  const missing = (why: string) =>
    new UserError('model.missing', `${dir}: ${why}`, { nextSteps: ['pt check DIR', 'pt runs'] });
  let root: string;
  try {
    root = await realpath(dir);
    if (!(await stat(root)).isDirectory()) throw missing('is not a folder.');
    return root;
  } catch (error) {
    if (error instanceof PtError) throw error;
    throw missing('there is no such folder, or it cannot be read.');
  }
}

/** Where a cache of the Hub keeps the files that the links of a snapshot lead to; null for any other folder. */
function blobsOf(root: string): string | null {
  const found = /^(.*[/\\]models--[^/\\]+)[/\\]snapshots[/\\][^/\\]+(?:[/\\]|$)/.exec(root);
  return found ? join(found[1]!, 'blobs') : null;
}

/**
 * All regular files under `root`, `/`-separated. Links are followed inside the folder and, from a snapshot in a cache of the Hub, into
 * that repository's blobs; any other is a problem.
 */
export async function listFolder(
  root: string,
  skipped: ReadonlySet<string> = SKIPPED_FOLDERS,
): Promise<{ files: { path: string; size: number }[]; problems: Finding[] }> {
  const files: { path: string; size: number }[] = [];
  const problems: Finding[] = [];
  const pending = [root];
  const blobs = blobsOf(root);
  const within = (target: string) =>
    target.startsWith(root + sep) || (blobs !== null && target.startsWith(blobs + sep));
  let entries = 0;
  for (let at = pending.pop(); at !== undefined; at = pending.pop())
    for await (const entry of await opendir(at)) {
      if (++entries > MAX_ENTRIES) {
        problems.push(problem('files', `More than ${MAX_ENTRIES} files: this is not a model folder.`));
        return { files, problems };
      }
      const full = join(at, entry.name);
      const path = relative(root, full).split(sep).join('/');
      if (entry.isDirectory()) {
        if (!skipped.has(entry.name)) pending.push(full);
      } else if (entry.isSymbolicLink()) {
        const target = await realpath(full).catch(() => null);
        if (target === null || !within(target))
          problems.push(
            problem(
              'files',
              `${path} is a link out of the folder and is not followed; copy the file itself (cp -L).`,
              path,
            ),
          );
        else if ((await stat(target)).isFile()) files.push({ path, size: (await stat(target)).size });
      } else if (entry.isFile()) files.push({ path, size: (await lstat(full)).size });
      else problems.push(problem('files', `${path} is not a regular file.`, path));
    }
  files.sort((a, b) => (a.path < b.path ? -1 : 1));
  return { files, problems };
}
