import { z } from 'zod';
import { OutsideError, PtError } from '../errors.ts';
import { atEndpoint, type Connection, doingOf } from './connection.ts';
import { malformed } from './hub-errors.ts';
import { nextLink } from './link-header.ts';
import { checkFilePath, checkRepo, checkRevision } from './names.ts';
import { readJson } from './read-json.ts';
import type { HubFile, HubRevision } from './types.ts';

/** A model repository has tens of files; these only stop a hostile or endless listing. */
const MAX_FILES = 50_000;
const MAX_PAGES = 1_000;

const sha1 = z.string().regex(/^[0-9a-f]{40}$/);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const bytes = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);

const Info = z.object({ sha: sha1, private: z.boolean() });

const Entry = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('file'),
    path: z.string(),
    size: bytes,
    oid: sha1,
    lfs: z.object({ oid: sha256, size: bytes }).nullish(),
  }),
  z.object({ type: z.literal('directory'), path: z.string() }),
]);
const Page = z.array(Entry).max(MAX_FILES);

/** Lists a revision, all pages; null when it does not exist or is hidden from this token. */
export async function readRevision(
  connection: Connection,
  repo: string,
  revision = 'main',
): Promise<HubRevision | null> {
  checkRepo(repo);
  checkRevision(revision);
  const action = `read ${repo}`;
  const info = await readJson(connection, {
    action,
    repo,
    path: `/api/models/${repo}/revision/${encodeURIComponent(revision)}`,
    schema: Info,
  }).catch((error: unknown) => {
    if (isHidden(error)) return null;
    throw error;
  });
  if (!info) return null;
  const commit = info.value.sha;

  const files: HubFile[] = [];
  const seen = new Set<string>();
  let next: string | null = `${connection.base}/api/models/${repo}/tree/${commit}?recursive=true`;
  for (let page = 0; next !== null; page += 1) {
    if (page >= MAX_PAGES) throw tooMany(repo);
    const current: string = next;
    const { value, headers } = await readJson(connection, { action, repo, path: current, schema: Page });
    for (const entry of value) {
      if (entry.type === 'directory') continue;
      const path = checkFilePath(entry.path);
      if (seen.has(path)) throw malformed(doingOf(connection, { action, repo }), `${path} is listed twice`);
      seen.add(path);
      if (files.length >= MAX_FILES) throw tooMany(repo);
      const { size, oid, lfs } = entry;
      files.push(lfs ? { path, size: lfs.size, oid, sha256: lfs.oid } : { path, size, oid });
    }
    const link = nextLink(headers.get('link'), current);
    // The token goes along to the next page, so that is asked for where the first one was.
    const following = link === null ? null : atEndpoint(connection, link);
    if (following && following.pathname !== new URL(current).pathname)
      throw malformed(doingOf(connection, { action, repo }), 'the next page is of another listing');
    next = following?.href ?? null;
  }
  return { repo, commit, private: info.value.private, files };
}

/** Missing repositories, missing revisions, and what strangers may not see. */
const isHidden = (error: unknown): boolean =>
  error instanceof PtError &&
  ['hub.repo_missing', 'hub.revision_missing', 'hub.token_missing'].includes(error.code);

const tooMany = (repo: string): OutsideError =>
  new OutsideError('hub.too_many_files', `${repo} lists more than ${MAX_FILES} files.`, {
    nextSteps: ['Do not use this repository.'],
  });
