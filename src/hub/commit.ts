import { z } from 'zod';
import { PtError } from '../errors.ts';
import type { Connection } from './connection.ts';
import { readJson } from './read-json.ts';
import type { UploadFile } from './types.ts';

export interface CommitRequest {
  repo: string;
  branch: string;
  message: string;
  parentCommit: string;
  /** Files that go into the commit itself. */
  regular: UploadFile[];
  /** Files whose objects are on the Hub already. */
  lfs: UploadFile[];
  deletePaths: string[];
  signal?: AbortSignal;
}

const Committed = z.object({ commitOid: z.string().regex(/^[0-9a-f]{40}$/) });

/**
 * Sends one commit once. Throws `Ambiguous` when it is not known whether the Hub made it: then the head must be read before anything else.
 */
export async function sendCommit(connection: Connection, request: CommitRequest): Promise<string> {
  const { repo, branch, signal } = request;
  const action = `commit to ${repo}`;
  try {
    const { value } = await readJson(connection, {
      action,
      repo,
      ...(signal ? { signal } : {}),
      repeatable: false,
      path: `/api/models/${repo}/commit/${encodeURIComponent(branch)}`,
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
      body: await commitLines(request),
      schema: Committed,
    });
    return value.commitOid;
  } catch (error) {
    const open = ['hub.unreachable', 'hub.failing', 'hub.malformed', 'hub.conflict', 'hub.head_moved'];
    if (error instanceof PtError && open.includes(error.code)) throw new Ambiguous(error);
    throw error;
  }
}

/** A commit that may or may not have been made. */
export class Ambiguous extends Error {
  readonly error: PtError;

  constructor(error: PtError) {
    super(error.message);
    this.error = error;
  }
}

/** The commit as the Hub takes it: one JSON object a line, the header first. */
export async function commitLines(
  request: Pick<CommitRequest, 'message' | 'parentCommit' | 'regular' | 'lfs' | 'deletePaths'>,
): Promise<string> {
  const lines: unknown[] = [
    {
      key: 'header',
      value: { summary: request.message, description: '', parentCommit: request.parentCommit },
    },
  ];
  for (const file of request.regular) {
    const content = (await readAll(file)).toString('base64');
    lines.push({ key: 'file', value: { path: file.path, content, encoding: 'base64' } });
  }
  for (const { path, sha256: oid, size } of request.lfs)
    lines.push({ key: 'lfsFile', value: { path, algo: 'sha256', oid, size } });
  for (const path of request.deletePaths) lines.push({ key: 'deletedFile', value: { path } });
  return `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`;
}

async function readAll(file: UploadFile): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of file.open()) chunks.push(Uint8Array.from(chunk));
  return Buffer.concat(chunks);
}
