import type { Context } from './context.ts';
import { writable } from './context.ts';
import { blobId, lfsPointer } from './git-ids.ts';
import { HubError, revisionNotFound } from './hub-error.ts';
import { checkPath } from './paths.ts';
import { addCommit, resolveRevision, wantsLfs } from './revisions.ts';
import type { FileEntry, Repo } from './types.ts';

type Fields = Record<string, unknown>;

const MAX_REGULAR = 10 * 1024 * 1024;

/** Says for each file whether it goes into the commit itself or through LFS first. */
export async function preupload(context: Context): Promise<void> {
  const body = (await context.json()) as { files?: unknown };
  const repo = writable(context);
  const commit = resolveRevision(repo, context.params.revision!);
  if (!Array.isArray(body.files)) throw new HubError(400, '"files" is required');
  const files = body.files.map((file: Fields) => {
    const path = checkPath(file.path);
    const sample = Buffer.from(String(file.sample ?? ''), 'base64');
    const uploadMode = wantsLfs(path, Number(file.size), sample) ? 'lfs' : 'regular';
    const oid = commit.files[path]?.oid;
    return { path, uploadMode, shouldIgnore: false, ...(oid ? { oid } : {}) };
  });
  await context.sendJson({ files, commitOid: commit.id });
}

/** Takes the operations as one JSON object a line and makes one commit of them, or none. */
export async function commit(context: Context): Promise<void> {
  // The real Hub takes no more than this in one commit either; larger files go through LFS.
  const lines = (await context.text(256 * 1024 * 1024)).split('\n').filter((line) => line.trim() !== '');
  const repo = writable(context);
  if (context.url.searchParams.has('create_pr')) throw new HubError(400, 'The sandbox has no pull requests');
  const branch = context.params.revision!.replace(/^refs\/heads\//, '');
  if (!Object.hasOwn(repo.branches, branch)) throw revisionNotFound(branch);
  const head = resolveRevision(repo, branch);

  const operations = lines.map((line) => {
    try {
      return JSON.parse(line) as { key?: string; value?: Fields };
    } catch {
      throw new HubError(400, 'Invalid NDJSON');
    }
  });
  const header = operations.find((operation) => operation.key === 'header')?.value;
  if (typeof header?.summary !== 'string' || header.summary === '')
    throw new HubError(400, '"summary" is required');
  if (header.parentCommit && header.parentCommit !== head.id)
    throw new HubError(412, 'A commit has happened since. Please refresh and try again.');

  const files = { ...head.files };
  for (const { key, value } of operations) apply(context, repo, files, key, value ?? {});
  const record = addCommit(context.store, repo, branch, {
    parent: head.id,
    title: header.summary.slice(0, 500),
    message: String(header.description ?? ''),
    author: context.user!.user,
    date: new Date().toISOString(),
    files,
  });
  const prefix = repo.type === 'model' ? '' : `${repo.type}s/`;
  await context.sendJson({
    success: true,
    commitOid: record.id,
    commitUrl: `${context.base}/${prefix}${repo.id}/commit/${record.id}`,
    hookOutput: '',
  });
}

function apply(
  context: Context,
  repo: Repo,
  files: Record<string, FileEntry>,
  key: unknown,
  value: Fields,
): void {
  if (key === 'header') return;
  const path = checkPath(typeof value.path === 'string' ? value.path.replace(/\/$/, '') : value.path);
  switch (key) {
    case 'file': {
      const encoding = value.encoding === 'base64' ? 'base64' : 'utf8';
      const content = Buffer.from(String(value.content ?? ''), encoding);
      if (content.length > MAX_REGULAR)
        throw new HubError(400, `"${path}" is larger than 10 MiB: upload it with LFS`);
      const sha256 = context.store.addObject(repo, content);
      files[path] = { size: content.length, sha256, oid: blobId(content), lfs: false };
      return;
    }
    case 'lfsFile': {
      const sha256 = String(value.oid);
      if (!/^[0-9a-f]{64}$/.test(sha256)) throw new HubError(400, 'Invalid LFS oid');
      if (!context.store.hasObject(repo, sha256))
        throw new HubError(
          400,
          `Your push was rejected because an LFS pointer pointed to a file that does not exist: ${path}`,
        );
      const size = context.store.objectSize(repo, sha256);
      if (value.size !== undefined && value.size !== size)
        throw new HubError(400, `Wrong size for "${path}"`);
      files[path] = { size, sha256, oid: blobId(lfsPointer(sha256, size)), lfs: true };
      return;
    }
    case 'deletedFile':
      if (!Object.hasOwn(files, path)) throw new HubError(404, `"${path}" does not exist`, 'EntryNotFound');
      delete files[path];
      return;
    case 'deletedFolder':
      for (const name of Object.keys(files)) if (name.startsWith(`${path}/`)) delete files[name];
      return;
    default:
      throw new HubError(400, `Unknown operation: ${String(key)}`);
  }
}
