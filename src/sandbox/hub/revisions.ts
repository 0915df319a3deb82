import { blobId, commitId } from './git-ids.ts';
import { revisionNotFound } from './hub-error.ts';
import type { Store } from './store.ts';
import type { CommitRecord, FileEntry, Repo, RepoType } from './types.ts';

/** Which files git would keep as LFS; a new repository starts with this file, as on the real Hub. */
const LFS_EXTENSIONS = (
  '7z arrow bin bz2 ckpt ftz gz h5 joblib lfs.* mlmodel model msgpack npy npz onnx ot parquet pb pickle pkl pt pth rar ' +
  'safetensors tar tflite tgz wasm xz zip zst'
).split(' ');
const GITATTRIBUTES = `${LFS_EXTENSIONS.map((ext) => `*.${ext} filter=lfs diff=lfs merge=lfs -text`).join('\n')}\n`;

/** The commit that a branch, tag, full ref or commit id names. */
export function resolveRevision(repo: Repo, revision: string): CommitRecord {
  const name = revision === 'HEAD' ? 'main' : revision.replace(/^refs\/(heads|tags)\//, '');
  const own = (table: Record<string, string>): string | undefined =>
    Object.hasOwn(table, name) ? table[name] : undefined;
  const id = own(repo.branches) ?? own(repo.tags) ?? name;
  const commit = Object.hasOwn(repo.commits, id) ? repo.commits[id] : undefined;
  if (!commit) throw revisionNotFound(revision);
  return commit;
}

/** The commits of a revision, newest first. */
export function historyOf(repo: Repo, head: CommitRecord): CommitRecord[] {
  const history: CommitRecord[] = [];
  for (let commit: CommitRecord | undefined = head; commit; ) {
    history.push(commit);
    commit = commit.parent === null ? undefined : repo.commits[commit.parent];
  }
  return history;
}

/** For every file of `head`, the commit that last changed it. */
export function lastCommits(repo: Repo, head: CommitRecord): Map<string, CommitRecord> {
  const history = historyOf(repo, head);
  return new Map(
    Object.keys(head.files).map((path) => {
      const oid = head.files[path]!.oid;
      const first = history.findIndex((commit) => commit.files[path]?.oid !== oid);
      return [path, history[(first === -1 ? history.length : first) - 1]!];
    }),
  );
}

/** A new repository with its first commit, saved. */
export function createRepository(
  store: Store,
  { type, id, isPrivate, author }: { type: RepoType; id: string; isPrivate: boolean; author: string },
): Repo {
  const now = new Date().toISOString();
  const repo: Repo = {
    type,
    id,
    private: isPrivate,
    createdAt: now,
    lastModified: now,
    branches: {},
    tags: {},
    commits: {},
  };
  const content = Buffer.from(GITATTRIBUTES);
  const sha256 = store.addObject(repo, content);
  const entry: FileEntry = { size: content.length, sha256, oid: blobId(content), lfs: false };
  addCommit(store, repo, 'main', {
    parent: null,
    title: 'initial commit',
    message: '',
    author,
    date: now,
    files: { '.gitattributes': entry },
  });
  return repo;
}

/** Puts a commit on a branch and saves the repository. */
export function addCommit(
  store: Store,
  repo: Repo,
  branch: string,
  parts: Omit<CommitRecord, 'id'>,
): CommitRecord {
  // Listings come in git's order.
  const files = Object.fromEntries(
    Object.entries(parts.files).sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
  );
  const commit: CommitRecord = { id: commitId(parts), ...parts, files };
  const next: Repo = {
    ...repo,
    lastModified: commit.date,
    branches: { ...repo.branches, [branch]: commit.id },
    commits: { ...repo.commits, [commit.id]: commit },
  };
  store.save(next);
  Object.assign(repo, next);
  return commit;
}

/** Whether the Hub wants this file as LFS: by its ending, its size, or because it is binary. */
export function wantsLfs(path: string, size: number, sample: Buffer): boolean {
  const name = path.split('/').pop()!;
  const byName =
    LFS_EXTENSIONS.some((ext) => !ext.includes('*') && name.endsWith(`.${ext}`)) ||
    name.includes('.lfs.') ||
    name.includes('tfevents');
  return size > 0 && (byName || size > 10 * 1024 * 1024 || sample.includes(0));
}
