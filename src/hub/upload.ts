import { z } from 'zod';
import { OutsideError, UserError } from '../errors.ts';
import type { Progress, Work } from '../progress.ts';
import { asWork } from '../work.ts';
import { Ambiguous, sendCommit } from './commit.ts';
import type { Connection } from './connection.ts';
import { isSameContent } from './content-id.ts';
import { uploadObjects } from './lfs.ts';
import { checkFilePath, checkRepo, checkRevision } from './names.ts';
import { readJson } from './read-json.ts';
import { createRepo, tokenOf } from './repositories.ts';
import { pause, TryAgain } from './retry.ts';
import { readRevision } from './revision.ts';
import type { HubRevision, Staged, UploadFile, UploadRequest, UploadResult } from './types.ts';

/** Files up to this size may go into the commit itself when the Hub says so. */
const MAX_REGULAR = 10 * 1024 * 1024;
const PREUPLOAD_BATCH = 100;
const SAMPLE_BYTES = 512;

const Preupload = z.object({
  files: z.array(z.object({ path: z.string(), uploadMode: z.enum(['lfs', 'regular']) })),
});

/** Uploads files as one commit; what the Hub has is not sent again, and no commit is made when it holds exactly this already. */
export async function* upload(connection: Connection, request: UploadRequest): Work<UploadResult> {
  return await (yield* stage(connection, request)).commit();
}

/** Brings every object to the Hub, where nobody finds it yet, and gives the one call that is left: the commit. */
export function stage(connection: Connection, request: UploadRequest): Work<Staged> {
  return asWork(request.signal, (report, signal) => sendObjects(connection, request, report, signal));
}

async function sendObjects(
  connection: Connection,
  request: UploadRequest,
  report: (event: Progress) => void,
  signal: AbortSignal,
): Promise<Staged> {
  const { repo, files, branch = 'main', deletePaths = [] } = request;
  checkRequest(request);
  tokenOf(connection, `upload to ${repo}`);
  let head = await readRevision(connection, repo, branch);
  if (!head) {
    await createRepo(connection, repo, { private: request.createPrivate ?? true });
    head = await readRevision(connection, repo, branch);
  }
  if (!head) throw branchMissing(repo, branch);

  const changed = await filesToChange(head, files);
  const deletions = presentPaths(head, deletePaths);
  const { commit } = head;
  if (changed.length + deletions.length === 0)
    return { commit: () => Promise.resolve({ commit, bytesUploaded: 0 }) };
  if (request.parentCommit !== undefined && request.parentCommit !== commit)
    throw headMoved(repo, request.parentCommit, commit);

  const modes = await uploadModes(connection, repo, branch, changed, signal);
  const lfs = changed.filter((file) => modes.get(file.path) === 'lfs');

  const total = lfs.reduce((sum, file) => sum + file.size, 0);
  let done = 0;
  let bytesUploaded = 0;
  const tell = (count: number): void => {
    done += count;
    report({ kind: 'progress', phase: 'uploading', done, total, unit: 'bytes' });
  };
  tell(0);
  await uploadObjects(connection, {
    repo,
    branch,
    files: lfs,
    signal,
    onBytes(count) {
      if (count > 0) bytesUploaded += count;
      tell(count);
    },
    onPresent: (file) => tell(file.size),
  });
  return {
    commit: () => makeCommit(connection, request, { head: commit, changed, lfs, deletions, bytesUploaded }),
  };
}

interface Change {
  /** The head that it builds on. */
  head: string;
  changed: UploadFile[];
  /** Those of `changed` that are objects. */
  lfs: UploadFile[];
  deletions: string[];
  bytesUploaded: number;
}

async function makeCommit(
  connection: Connection,
  { repo, files, branch = 'main', deletePaths = [], message, signal }: UploadRequest,
  change: Change,
): Promise<UploadResult> {
  const { head, bytesUploaded } = change;
  let { changed, deletions } = change;
  const objects = new Set(change.lfs);
  for (let attempt = 1; ; attempt += 1) {
    try {
      const regular = changed.filter((file) => !objects.has(file));
      const commit = await sendCommit(connection, {
        repo,
        branch,
        message,
        parentCommit: head,
        regular,
        lfs: changed.filter((file) => objects.has(file)),
        deletePaths: deletions,
        ...(signal ? { signal } : {}),
      });
      return { commit, bytesUploaded: bytesUploaded + regular.reduce((sum, file) => sum + file.size, 0) };
    } catch (failure) {
      if (!(failure instanceof Ambiguous)) throw failure;
      // It may have been made. The head tells: ours (done), the old one (send again, on the same parent), or a stranger's (stop).
      const now = await readRevision(connection, repo, branch);
      if (!now) throw branchMissing(repo, branch);
      changed = await filesToChange(now, files);
      deletions = presentPaths(now, deletePaths);
      if (changed.length + deletions.length === 0) return { commit: now.commit, bytesUploaded };
      if (now.commit !== head) throw headMoved(repo, head, now.commit);
      if (attempt >= connection.policy.attempts) throw failure.error;
      await pause(connection.policy, attempt, new TryAgain(failure.error), signal);
    }
  }
}

/** Asks the Hub how it wants each file. Empty files cannot be objects; large ones cannot be anything else. */
async function uploadModes(
  connection: Connection,
  repo: string,
  branch: string,
  files: UploadFile[],
  signal: AbortSignal,
): Promise<Map<string, 'lfs' | 'regular'>> {
  const modes = new Map<string, 'lfs' | 'regular'>();
  for (let at = 0; at < files.length; at += PREUPLOAD_BATCH) {
    const batch = files.slice(at, at + PREUPLOAD_BATCH);
    const { value } = await readJson(connection, {
      action: `upload to ${repo}`,
      repo,
      signal,
      path: `/api/models/${repo}/preupload/${encodeURIComponent(branch)}`,
      method: 'POST',
      body: {
        files: await Promise.all(
          batch.map(async (file) => ({ path: file.path, size: file.size, sample: await sampleOf(file) })),
        ),
      },
      schema: Preupload,
    });
    const said = new Map(value.files.map((file) => [file.path, file.uploadMode]));
    for (const { path, size } of batch)
      modes.set(path, size === 0 ? 'regular' : size > MAX_REGULAR ? 'lfs' : (said.get(path) ?? 'lfs'));
  }
  return modes;
}

async function sampleOf(file: UploadFile): Promise<string> {
  const end = Math.min(SAMPLE_BYTES, file.size);
  const chunks: Uint8Array[] = [];
  if (end > 0) for await (const chunk of file.open(0, end)) chunks.push(Uint8Array.from(chunk));
  return Buffer.concat(chunks).toString('base64');
}

async function filesToChange(head: HubRevision, files: UploadFile[]): Promise<UploadFile[]> {
  const remote = new Map(head.files.map((file) => [file.path, file]));
  const changed: UploadFile[] = [];
  for (const file of files) if (!(await isSameContent(remote.get(file.path), file))) changed.push(file);
  return changed;
}

const presentPaths = (head: HubRevision, paths: string[]): string[] => {
  const there = new Set(head.files.map((file) => file.path));
  return paths.filter((path) => there.has(path));
};

function checkRequest({ repo, branch = 'main', files, deletePaths = [] }: UploadRequest): void {
  checkRepo(repo);
  checkRevision(branch);
  const paths = [...files.map((file) => file.path), ...deletePaths];
  for (const path of paths) checkFilePath(path);
  if (new Set(paths).size !== paths.length) throw new TypeError('a path is named twice');
  for (const { sha256, size, path } of files) {
    if (!/^[0-9a-f]{64}$/.test(sha256) || !Number.isSafeInteger(size) || size < 0)
      throw new TypeError(`not a size and SHA-256: ${path}`);
  }
}

const branchMissing = (repo: string, branch: string): UserError =>
  new UserError('hub.revision_missing', `${repo} has no branch ${branch}, or this token may not see it.`, {
    nextSteps: ['Check the branch, and that HF_ACCESS_TOKEN may read this repository.'],
  });

const headMoved = (repo: string, expected: string, actual: string): OutsideError =>
  new OutsideError(
    'hub.head_moved',
    `${repo} moved from commit ${expected.slice(0, 8)} to ${actual.slice(0, 8)} while this upload was going on: somebody else committed to it.`,
    { nextSteps: ['Make sure that no other upload to this repository runs, then: pt upload --resume'] },
  );
