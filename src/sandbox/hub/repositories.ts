import type { Context } from './context.ts';
import { mustWrite, owns, readable, repoType, writable } from './context.ts';
import { HubError, repoNotFound } from './hub-error.ts';
import { checkRepoId } from './paths.ts';
import { createRepository } from './revisions.ts';
import type { Repo, RepoType } from './types.ts';

type Fields = Record<string, unknown>;

export async function whoami(context: Context): Promise<void> {
  const { user } = context;
  if (!user) throw new HubError(401, 'Invalid username or password.');
  const idOf = (name: string) => Buffer.from(name).toString('hex').padEnd(24, '0').slice(0, 24);
  await context.sendJson({
    type: 'user',
    id: idOf(user.user),
    name: user.user,
    fullname: user.user,
    email: `${user.user}@users.invalid`,
    emailVerified: true,
    canPay: false,
    isPro: false,
    periodEnd: null,
    avatarUrl: '',
    orgs: (user.orgs ?? []).map((name) => ({
      type: 'org',
      id: idOf(name),
      name,
      fullname: name,
      email: null,
      canPay: false,
      periodEnd: null,
      avatarUrl: '',
      roleInOrg: user.role === 'read' ? 'read' : 'write',
    })),
    auth: {
      type: 'access_token',
      accessToken: {
        displayName: 'sandbox',
        role: user.role,
        createdAt: '2024-01-01T00:00:00.000Z',
        ...(user.role === 'fineGrained' ? { fineGrained: { global: [], scoped: user.scoped ?? [] } } : {}),
      },
    },
  });
}

export async function create(context: Context): Promise<void> {
  const fields = (await context.json()) as Fields;
  const { type, id } = named(context, fields, fields.name);
  mustWrite(context, id);
  const { store } = context;
  const prefix = type === 'model' ? '' : `${type}s/`;
  const url = `${context.base}/${prefix}${id}`;
  if (store.find(type, id)) {
    await context.sendJson({ error: `You already created this ${type} repo`, url }, {}, 409);
    return;
  }
  const repo = createRepository(store, {
    type,
    id,
    isPrivate: isPrivate(fields) ?? false,
    author: context.user!.user,
  });
  await context.sendJson({ url, name: id, id, private: repo.private });
}

export async function remove(context: Context): Promise<void> {
  const fields = (await context.json()) as Fields;
  const { type, id } = named(context, fields, fields.name);
  const repo = context.store.find(type, id);
  if (!repo || (repo.private && !owns(context.user, id))) throw repoNotFound(context.user !== null);
  mustWrite(context, id);
  context.store.remove(repo);
  await context.sendJson({ ok: true });
}

export async function move(context: Context): Promise<void> {
  const fields = (await context.json()) as Fields;
  const from = named(context, { type: fields.type }, fields.fromRepo);
  const to = named(context, { type: fields.type }, fields.toRepo);
  mustWrite(context, from.id);
  mustWrite(context, to.id);
  const repo = context.store.find(from.type, from.id);
  if (!repo) throw repoNotFound(true);
  if (context.store.find(to.type, to.id)) throw new HubError(409, `${to.id} exists already`);
  context.store.rename(repo, to.id);
  await context.sendJson({ ok: true });
}

export async function settings(context: Context): Promise<void> {
  const fields = (await context.json()) as Fields;
  const repo = writable(context);
  const next: Repo = { ...repo, private: isPrivate(fields) ?? repo.private };
  context.store.save(next);
  await context.sendJson({ private: next.private, visibility: next.private ? 'private' : 'public' });
}

/** Public repositories and the caller's own, newest first. */
export async function list(context: Context): Promise<void> {
  const type = repoType(context);
  const query = context.url.searchParams;
  const author = query.get('author');
  const search = query.get('search')?.toLowerCase();
  const limit = Number(query.get('limit') ?? 1000);
  const repos = context.store
    .all()
    .filter((repo) => repo.type === type && (!repo.private || owns(context.user, repo.id)))
    .filter((repo) => !author || repo.id.startsWith(`${author}/`))
    .filter((repo) => !search || repo.id.toLowerCase().includes(search))
    .sort((a, b) => b.lastModified.localeCompare(a.lastModified))
    .slice(0, Number.isInteger(limit) && limit >= 0 ? limit : 1000);
  await context.sendJson(repos.map((repo) => summary(repo)));
}

export async function authCheck(context: Context): Promise<void> {
  readable(context);
  await context.sendJson({ ok: true });
}

/** The part of a repository's description that listings and info share. */
export function summary(repo: Repo): Fields {
  return {
    _id: Buffer.from(repo.id).toString('hex').padEnd(24, '0').slice(0, 24),
    id: repo.id,
    ...(repo.type === 'model' ? { modelId: repo.id } : {}),
    author: repo.id.split('/')[0],
    sha: repo.branches.main,
    lastModified: repo.lastModified,
    createdAt: repo.createdAt,
    private: repo.private,
    gated: false,
    disabled: false,
    downloads: 0,
    likes: 0,
    tags: [],
  };
}

function named(context: Context, fields: Fields, name: unknown): { type: RepoType; id: string } {
  const type = (fields.type ?? 'model') as RepoType;
  if (!['model', 'dataset', 'space'].includes(type)) throw new HubError(400, 'Unknown repository type');
  const given = String(name);
  const organization = fields.organization ?? context.user?.user;
  return { type, id: checkRepoId(given.includes('/') ? given : `${organization}/${given}`) };
}

function isPrivate(fields: Fields): boolean | undefined {
  if (typeof fields.private === 'boolean') return fields.private;
  return fields.visibility === undefined || fields.visibility === null
    ? undefined
    : fields.visibility === 'private';
}
