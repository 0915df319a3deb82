import { createReadStream } from 'node:fs';
import type { Context } from './context.ts';
import { readable, repoType } from './context.ts';
import { lfsPointer } from './git-ids.ts';
import { entryNotFound, HubError } from './hub-error.ts';
import { objectUrl } from './lfs.ts';
import { resolveRevision } from './revisions.ts';
import { checkSignature } from './signed-url.ts';

/** A file of a revision: small ones as they are, LFS ones by a redirect to the object's own signed address. */
export async function resolve(context: Context): Promise<void> {
  const repo = readable(context);
  const commit = resolveRevision(repo, context.params.revision!);
  const path = context.params.path!;
  const headers: Record<string, string> = {
    'X-Repo-Commit': commit.id,
    'Accept-Ranges': 'bytes',
    'Access-Control-Expose-Headers': 'X-Repo-Commit, X-Linked-Size, X-Linked-ETag, ETag, Link',
  };
  const entry = Object.hasOwn(commit.files, path) ? commit.files[path]! : null;
  if (!entry) {
    const error = entryNotFound();
    await context.send(
      error.status,
      {
        ...headers,
        'X-Error-Code': error.errorCode!,
        'X-Error-Message': error.message,
        'Content-Type': 'text/plain',
      },
      error.message,
    );
    return;
  }
  if (entry.lfs) {
    await context.send(302, {
      ...headers,
      Location: objectUrl(context, repo, entry.sha256, path.split('/').pop()),
      'X-Linked-Size': String(entry.size),
      'X-Linked-ETag': `"${entry.sha256}"`,
      ETag: `"${entry.sha256}"`,
      Vary: 'Authorization',
    });
    return;
  }
  await sendFile(context, context.store.objectPath(repo, entry.sha256), entry.size, {
    ...headers,
    'Content-Type': 'text/plain; charset=utf-8',
    ETag: `"${entry.oid}"`,
  });
}

/** What git itself stores: the pointer in place of an LFS file. */
export async function raw(context: Context): Promise<void> {
  const repo = readable(context);
  const commit = resolveRevision(repo, context.params.revision!);
  const path = context.params.path!;
  const entry = Object.hasOwn(commit.files, path) ? commit.files[path]! : null;
  if (!entry) throw entryNotFound();
  if (!entry.lfs) return resolve(context);
  await context.send(
    200,
    { 'X-Repo-Commit': commit.id, ETag: `"${entry.oid}"`, 'Content-Type': 'text/plain' },
    lfsPointer(entry.sha256, entry.size),
  );
}

/** An object by its signed address. */
export async function cdn(context: Context): Promise<void> {
  checkSignature(context);
  const { namespace, name, oid } = context.params;
  const repo = context.store.find(repoType(context), `${namespace}/${name}`);
  if (!repo || !context.store.hasObject(repo, oid!)) throw new HubError(404, 'Not found');
  await sendFile(context, context.store.objectPath(repo, oid!), context.store.objectSize(repo, oid!), {
    'Content-Type': 'application/octet-stream',
    'Accept-Ranges': 'bytes',
    ETag: `"${oid}"`,
  });
}

async function sendFile(
  context: Context,
  file: string,
  size: number,
  headers: Record<string, string>,
): Promise<void> {
  const range = parseRange(context.request.headers.range, size);
  if (range === 'unsatisfiable') {
    await context.send(416, { 'Content-Range': `bytes */${size}` });
    return;
  }
  const [start, end] = range ?? [0, size];
  await context.send(
    range ? 206 : 200,
    {
      ...headers,
      'Content-Length': String(end - start),
      ...(range ? { 'Content-Range': `bytes ${start}-${end - 1}/${size}` } : {}),
    },
    end > start ? createReadStream(file, { start, end: end - 1, highWaterMark: 1024 * 1024 }) : '',
  );
}

/** One range as [start, end); null when none is asked for or its form is not known (then the whole file is right). */
export function parseRange(
  header: string | undefined,
  size: number,
): [number, number] | 'unsatisfiable' | null {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '');
  if (!match || (match[1] === '' && match[2] === '')) return null;
  if (match[1] === '') {
    const length = Math.min(Number(match[2]), size);
    return length === 0 ? 'unsatisfiable' : [size - length, size];
  }
  const start = Number(match[1]);
  const end = match[2] === '' ? size : Math.min(Number(match[2]) + 1, size);
  if (match[2] !== '' && Number(match[2]) < start) return null;
  return start >= size ? 'unsatisfiable' : [start, end];
}
