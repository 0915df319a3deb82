import type { Context } from './context.ts';
import { readable } from './context.ts';
import { lfsPointer, treeIds } from './git-ids.ts';
import { entryNotFound, HubError } from './hub-error.ts';
import { summary } from './repositories.ts';
import { historyOf, lastCommits, resolveRevision } from './revisions.ts';
import type { CommitRecord, FileEntry, Repo } from './types.ts';

/** Model, dataset or space info at a revision. */
export async function info(context: Context): Promise<void> {
  const repo = readable(context);
  const commit = resolveRevision(repo, context.params.revision ?? 'main');
  const files = Object.entries(commit.files);
  const blobs = context.url.searchParams.has('blobs');
  await context.sendJson({
    ...summary(repo),
    sha: commit.id,
    lastModified: commit.date,
    usedStorage: files.reduce((sum, [, entry]) => sum + entry.size, 0),
    ...(commit.files['config.json'] ? { library_name: 'transformers' } : {}),
    siblings: files.map(([rfilename, entry]) => ({
      rfilename,
      ...(blobs ? { size: entry.size, blobId: entry.oid, ...lfsOf(entry, true) } : {}),
    })),
  });
}

/** A folder's entries, page by page. */
export async function tree(context: Context): Promise<void> {
  const repo = readable(context);
  const commit = resolveRevision(repo, context.params.revision!);
  const query = context.url.searchParams;
  const folder = (context.params.path ?? '').replace(/^\/+|\/+$/g, '');
  const isTrue = (name: string) => ['true', '1', 'True'].includes(query.get(name) ?? '');
  const entries = entriesUnder(repo, commit, folder, isTrue('recursive'), isTrue('expand'));
  if (entries.length === 0 && folder !== '') throw entryNotFound();
  const limit = Math.min(
    Number(query.get('limit')) || Number.POSITIVE_INFINITY,
    context.options.pageSize ?? 1000,
  );
  const start = Number(query.get('cursor') ?? 0);
  if (!Number.isInteger(start) || start < 0) throw new HubError(400, 'Invalid cursor');
  const headers: Record<string, string> = {};
  if (start + limit < entries.length) {
    const next = new URL(context.url);
    next.searchParams.set('cursor', String(start + limit));
    headers.Link = `<${next.href}>; rel="next"`;
  }
  await context.sendJson(entries.slice(start, start + limit), headers);
}

/** The named paths that exist, files and folders; asked as a form (Python) or as JSON. */
export async function pathsInfo(context: Context): Promise<void> {
  const text = await context.text();
  let paths: string[];
  let expand: boolean;
  if ((context.request.headers['content-type'] ?? '').includes('json')) {
    const fields = JSON.parse(text || '{}') as { paths?: unknown; expand?: unknown };
    paths = [fields.paths ?? []].flat().map(String);
    expand = fields.expand === true;
  } else {
    const form = new URLSearchParams(text);
    paths = form.getAll('paths');
    expand = form.get('expand')?.toLowerCase() === 'true';
  }
  const repo = readable(context);
  const commit = resolveRevision(repo, context.params.revision ?? 'main');
  const wanted = new Set(paths.map((path) => path.replace(/\/+$/, '')));
  const all = entriesUnder(repo, commit, '', true, expand);
  await context.sendJson(all.filter((entry) => wanted.has(entry.path as string)));
}

export async function refs(context: Context): Promise<void> {
  const repo = readable(context);
  const rows = (table: Record<string, string>, kind: string) =>
    Object.entries(table).map(([name, targetCommit]) => ({
      name,
      ref: `refs/${kind}/${name}`,
      targetCommit,
    }));
  await context.sendJson({
    branches: rows(repo.branches, 'heads'),
    converts: [],
    tags: rows(repo.tags, 'tags'),
  });
}

export async function commits(context: Context): Promise<void> {
  const repo = readable(context);
  const history = historyOf(repo, resolveRevision(repo, context.params.revision!));
  const query = context.url.searchParams;
  const limit = Math.min(Number(query.get('limit')) || 50, context.options.pageSize ?? 50);
  const page = Number(query.get('p') ?? 0);
  if (!Number.isInteger(page) || page < 0) throw new HubError(400, 'Invalid page');
  const headers: Record<string, string> = { 'X-Total-Count': String(history.length) };
  if ((page + 1) * limit < history.length) {
    const next = new URL(context.url);
    next.searchParams.set('p', String(page + 1));
    headers.Link = `<${next.href}>; rel="next"`;
  }
  await context.sendJson(
    history.slice(page * limit, (page + 1) * limit).map((commit) => ({
      id: commit.id,
      title: commit.title,
      message: commit.message,
      authors: [{ user: commit.author, avatar: '' }],
      date: commit.date,
    })),
    headers,
  );
}

function entriesUnder(
  repo: Repo,
  commit: CommitRecord,
  folder: string,
  recursive: boolean,
  expand: boolean,
): Record<string, unknown>[] {
  const prefix = folder === '' ? '' : `${folder}/`;
  const treeIdOf = treeIds(commit.files);
  const last = expand ? lastCommits(repo, commit) : null;
  const lastOf = (path: string) => {
    const record = last?.get(path);
    return record ? { lastCommit: { id: record.id, title: record.title, date: record.date } } : {};
  };
  const found = new Map<string, Record<string, unknown>>();
  for (const [path, entry] of Object.entries(commit.files)) {
    if (!path.startsWith(prefix)) continue;
    const parts = path.slice(prefix.length).split('/');
    for (let depth = 1; depth < parts.length && (recursive || depth === 1); depth += 1) {
      const directory = prefix + parts.slice(0, depth).join('/');
      if (!found.has(directory))
        found.set(directory, {
          type: 'directory',
          oid: treeIdOf.get(directory),
          size: 0,
          path: directory,
          ...lastOf(path),
        });
    }
    if (recursive || parts.length === 1)
      found.set(path, {
        type: 'file',
        oid: entry.oid,
        size: entry.size,
        path,
        ...lfsOf(entry, false),
        ...lastOf(path),
      });
  }
  return [...found.values()];
}

/** The `lfs` field: info calls the content's hash `sha256`, listings call it `oid`. */
function lfsOf(entry: FileEntry, inInfo: boolean): Record<string, unknown> {
  if (!entry.lfs) return {};
  const pointerSize = lfsPointer(entry.sha256, entry.size).length;
  return { lfs: { [inInfo ? 'sha256' : 'oid']: entry.sha256, size: entry.size, pointerSize } };
}
