import type { Context } from './context.ts';
import { writable } from './context.ts';
import { HubError, revisionNotFound } from './hub-error.ts';
import { checkPath } from './paths.ts';
import { resolveRevision } from './revisions.ts';

export async function createBranch(context: Context): Promise<void> {
  const fields = (await context.json()) as { startingPoint?: string; overwrite?: boolean };
  const repo = writable(context);
  const branch = checkPath(context.params.branch);
  if (Object.hasOwn(repo.branches, branch) && fields.overwrite !== true)
    throw new HubError(409, `Reference "refs/heads/${branch}" already exists`);
  const target = resolveRevision(repo, fields.startingPoint ?? 'main').id;
  context.store.save({ ...repo, branches: { ...repo.branches, [branch]: target } });
  await context.sendJson({ ok: true });
}

export async function deleteBranch(context: Context): Promise<void> {
  const repo = writable(context);
  const { branch } = context.params;
  if (branch === 'main') throw new HubError(403, 'Cannot delete the main branch');
  if (!Object.hasOwn(repo.branches, branch!)) throw revisionNotFound(branch!);
  const { [branch!]: _gone, ...branches } = repo.branches;
  context.store.save({ ...repo, branches });
  await context.sendJson({ ok: true });
}

export async function createTag(context: Context): Promise<void> {
  const fields = (await context.json()) as { tag?: unknown };
  const repo = writable(context);
  const tag = checkPath(fields.tag);
  if (Object.hasOwn(repo.tags, tag)) throw new HubError(409, `Tag "${tag}" already exists`);
  const target = resolveRevision(repo, context.params.branch!).id;
  context.store.save({ ...repo, tags: { ...repo.tags, [tag]: target } });
  await context.sendJson({ ok: true });
}

export async function deleteTag(context: Context): Promise<void> {
  const repo = writable(context);
  const { branch: tag } = context.params;
  if (!Object.hasOwn(repo.tags, tag!)) throw revisionNotFound(tag!);
  const { [tag!]: _gone, ...tags } = repo.tags;
  context.store.save({ ...repo, tags });
  await context.sendJson({ ok: true });
}
