import { createHash } from 'node:crypto';
import type { FileEntry } from './types.ts';

const gitId = (type: string, content: Uint8Array): string =>
  createHash('sha1').update(`${type} ${content.length}\0`).update(content).digest('hex');

/** Git's id of a file's content. */
export const blobId = (content: Uint8Array): string => gitId('blob', content);

/** The text that git stores in place of a large file. */
export const lfsPointer = (sha256: string, size: number): Buffer =>
  Buffer.from(`version https://git-lfs.github.com/spec/v1\noid sha256:${sha256}\nsize ${size}\n`);

/** Ids of every folder, '' for the root, as git would compute them from the files. */
export function treeIds(files: Record<string, FileEntry>): Map<string, string> {
  const folders = new Map<string, Map<string, string | null>>([['', new Map()]]);
  for (const [path, entry] of Object.entries(files)) {
    const parts = path.split('/');
    const name = parts.pop()!;
    let folder = '';
    for (const part of parts) {
      folders.get(folder)!.set(part, null);
      folder = folder ? `${folder}/${part}` : part;
      if (!folders.has(folder)) folders.set(folder, new Map());
    }
    folders.get(folder)!.set(name, entry.oid);
  }
  const ids = new Map<string, string>();
  const idOf = (folder: string): string => {
    // Git sorts folders as if their names ended in a slash.
    const entries = [...folders.get(folder)!].sort(([a, oidA], [b, oidB]) =>
      Buffer.compare(Buffer.from(oidA ? a : `${a}/`), Buffer.from(oidB ? b : `${b}/`)),
    );
    const parts = entries.map(([name, oid]) => {
      const id = oid ?? idOf(folder ? `${folder}/${name}` : name);
      return Buffer.concat([
        Buffer.from(`${oid ? '100644' : '40000'} ${name}\0`),
        Uint8Array.from(Buffer.from(id, 'hex')),
      ]);
    });
    const id = gitId('tree', Buffer.concat(parts));
    ids.set(folder, id);
    return id;
  };
  idOf('');
  return ids;
}

/** Git's id of a commit. */
export function commitId(commit: {
  files: Record<string, FileEntry>;
  parent: string | null;
  author: string;
  date: string;
  title: string;
  message: string;
}): string {
  const seconds = Math.floor(Date.parse(commit.date) / 1000);
  const who = `${commit.author} <${commit.author}@users.invalid> ${seconds} +0000`;
  const text = [
    `tree ${treeIds(commit.files).get('')}`,
    ...(commit.parent ? [`parent ${commit.parent}`] : []),
    `author ${who}`,
    `committer ${who}`,
    '',
    commit.message ? `${commit.title}\n\n${commit.message}` : commit.title,
  ].join('\n');
  return gitId('commit', Buffer.from(text));
}
