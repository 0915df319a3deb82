import { z } from 'zod';
import { PtError } from '../errors.ts';
import { apiFetch, type Connection, doingOf } from './connection.ts';
import { malformed, tokenMissing } from './hub-errors.ts';
import { checkRepo } from './names.ts';
import { readJson } from './read-json.ts';

const Me = z.object({
  name: z.string(),
  orgs: z.array(z.object({ name: z.string() })).default([]),
  auth: z.object({ accessToken: z.object({ role: z.string() }).optional() }).optional(),
});

/** Whose token this is; `canWrite` is null for fine-grained tokens, whose rights the Hub does not tell here. */
export async function whoami(
  connection: Connection,
): Promise<{ name: string; orgs: string[]; canWrite: boolean | null }> {
  const action = 'look up whose token this is';
  const token = tokenOf(connection, action);
  const { whoAmI } = await import('@huggingface/hub');
  const answer = await whoAmI({
    accessToken: token,
    hubUrl: connection.base,
    fetch: apiFetch(connection, { action }),
  });
  const me = Me.safeParse(answer);
  if (!me.success) throw malformed(doingOf(connection, { action }), 'whoami-v2');
  const role = me.data.auth?.accessToken?.role;
  const canWrite = role === 'write' || role === 'admin' ? true : role === 'read' ? false : null;
  return { name: me.data.name, orgs: me.data.orgs.map((org) => org.name), canWrite };
}

/** Creates a repository; fine when it exists already (its visibility then stays as it is). */
export async function createRepo(
  connection: Connection,
  repo: string,
  options: { private: boolean },
): Promise<void> {
  checkRepo(repo);
  const action = `create ${repo}`;
  const accessToken = tokenOf(connection, action);
  const { createRepo: create } = await import('@huggingface/hub');
  await create({
    repo: { type: 'model', name: repo },
    visibility: options.private ? 'private' : 'public',
    accessToken: accessToken as `hf_${string}`,
    hubUrl: connection.base,
    fetch: apiFetch(connection, { action, repo }),
  }).catch((error: unknown) => {
    if (error instanceof PtError && error.code === 'hub.conflict') return;
    throw error;
  });
}

/** Makes a repository public or private. */
export async function setVisibility(
  connection: Connection,
  repo: string,
  options: { private: boolean },
): Promise<void> {
  checkRepo(repo);
  const action = `make ${repo} ${options.private ? 'private' : 'public'}`;
  tokenOf(connection, action);
  await readJson(connection, {
    action,
    repo,
    path: `/api/models/${repo}/settings`,
    method: 'PUT',
    body: { private: options.private },
    schema: z.unknown(),
  });
}

/** The token's text, for the one call that needs it. */
export function tokenOf(connection: Connection, action: string): string {
  if (!connection.token) throw tokenMissing({ action });
  return connection.token.reveal();
}
