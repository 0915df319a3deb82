import { z } from 'zod';
import { EXIT, PtError } from '../errors.ts';
import { apiFetch, type Connection, doingOf } from './connection.ts';
import { malformed, readmeRefused, tokenMissing } from './hub-errors.ts';
import { checkRepo } from './names.ts';
import { readJson } from './read-json.ts';
import type { HubUser } from './types.ts';

const Me = z.object({
  name: z.string(),
  orgs: z.array(z.object({ name: z.string() })).default([]),
  auth: z
    .object({ accessToken: z.object({ role: z.string(), fineGrained: z.unknown().optional() }).optional() })
    .optional(),
});

const FineGrained = z.object({
  global: z.array(z.string()).default([]),
  scoped: z.array(z.object({ entity: z.object({ name: z.string() }), permissions: z.array(z.string()) })),
});

/** The right to make repositories, commits and settings, as fine-grained tokens name it. */
const WRITE = /^repo\.write$/;

/** Whose token this is and what it may write to. */
export async function whoami(connection: Connection): Promise<HubUser> {
  const action = 'look up whose token this is';
  const accessToken = tokenOf(connection, action);
  const { whoAmI } = await import('@huggingface/hub');
  const answer = await understood(connection, action, () =>
    whoAmI({ accessToken, hubUrl: connection.base, fetch: apiFetch(connection, { action }) }),
  );
  const me = Me.safeParse(answer);
  if (!me.success) throw malformed(doingOf(connection, { action }), 'whoami-v2');
  const value = me.data;
  const { role, fineGrained } = value.auth?.accessToken ?? {};
  const canWrite = role === 'write' || role === 'admin' ? true : role === 'read' ? false : null;
  const rights = FineGrained.safeParse(fineGrained);
  const user = { name: value.name, orgs: value.orgs.map((org) => org.name), canWrite };
  if (canWrite !== null || !rights.success || rights.data.global.some((right) => WRITE.test(right)))
    return user;
  const writing = rights.data.scoped.filter(({ permissions }) =>
    permissions.some((right) => WRITE.test(right)),
  );
  return { ...user, writes: writing.map(({ entity }) => entity.name) };
}

const Objections = z.object({ errors: z.array(z.object({ message: z.string() })) });

/**
 * Asks the Hub what its commit would say of a README with this text; throws `CheckError` `hub.readme_refused` when it would not take it. A Hub
 * that does not know the question has no objection.
 */
export async function checkReadme(connection: Connection, text: string): Promise<void> {
  const action = 'have README.md checked';
  const answer = await readJson(connection, {
    action,
    path: '/api/validate-yaml',
    method: 'POST',
    body: { repoType: 'model', content: text },
    schema: Objections,
  }).catch((error: unknown) => {
    if (!(error instanceof PtError) || error.exitCode !== EXIT.network) throw error;
    const { status, said } = error.details;
    if (status === 400 || status === 422)
      throw readmeRefused(typeof said === 'string' ? said : error.message);
    return null;
  });
  const errors = answer?.value.errors ?? [];
  if (errors.length > 0) throw readmeRefused(errors.map(({ message }) => message).join(' '));
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
  await understood(connection, action, () =>
    create({
      repo: { type: 'model', name: repo },
      visibility: options.private ? 'private' : 'public',
      accessToken: accessToken as `hf_${string}`,
      hubUrl: connection.base,
      fetch: apiFetch(connection, { action, repo }),
    }),
  ).catch((error: unknown) => {
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

/** What a library makes of an answer; what it throws about one that is none is an answer from outside too. */
async function understood<Result>(
  connection: Connection,
  action: string,
  ask: () => Promise<Result>,
): Promise<Result> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof PtError) throw error;
    throw malformed(doingOf(connection, { action }), error instanceof Error ? error.message : 'unreadable');
  }
}

/** The token's text, for the one call that needs it. */
export function tokenOf(connection: Connection, action: string): string {
  if (!connection.token) throw tokenMissing({ action });
  return connection.token.reveal();
}
