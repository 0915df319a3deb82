import * as branches from './branches.ts';
import { commit, preupload } from './commit.ts';
import type { Context } from './context.ts';
import { cdn, raw, resolve } from './files.ts';
import * as lfs from './lfs.ts';
import * as listings from './listings.ts';
import * as repositories from './repositories.ts';
import type { Step } from './types.ts';

interface Route {
  methods: string[];
  pattern: RegExp;
  step: Step;
  handle: (context: Context) => Promise<void>;
}

// Matched against the path as it came, before decoding: a revision may hold an encoded slash.
const API = '/api/(?<type>models|datasets|spaces)/(?<namespace>[^/]+)/(?<name>[^/]+)';
const WEB = '/(?<type>datasets/|spaces/)?(?<namespace>[^/]+)/(?<name>[^/]+)';
const OBJECT = '/(?<type>models|datasets|spaces)/(?<namespace>[^/]+)/(?<name>[^/]+)/(?<oid>[0-9a-f]{64})';

const route = (methods: string, pattern: string, step: Step, handle: Route['handle']): Route => ({
  methods: methods.split(' '),
  pattern: new RegExp(`^${pattern}$`),
  step,
  handle,
});

const ROUTES: Route[] = [
  route('GET', '/api/whoami-v2', 'whoami', repositories.whoami),
  route('POST', '/api/repos/create', 'create', repositories.create),
  route('DELETE', '/api/repos/delete', 'delete', repositories.remove),
  route('POST', '/api/repos/move', 'move', repositories.move),
  route('POST', '/api/validate-yaml', 'other', (context) => context.sendJson({ errors: [], warnings: [] })),
  route('GET', '/api/(?<type>models|datasets|spaces)', 'list', repositories.list),
  route('PUT', `${API}/settings`, 'settings', repositories.settings),
  route('GET', `${API}/auth-check`, 'other', repositories.authCheck),
  route('GET', `${API}/discussions`, 'other', (context) =>
    context.sendJson({ discussions: [], count: 0, start: 0, numClosedDiscussions: 0 }),
  ),
  route('GET', `${API}/refs`, 'refs', listings.refs),
  route('GET', `${API}/commits/(?<revision>[^/]+)`, 'commits', listings.commits),
  route('GET', `${API}/tree/(?<revision>[^/]+)(?:/(?<path>.*))?`, 'tree', listings.tree),
  route('POST', `${API}/paths-info(?:/(?<revision>[^/]+))?`, 'paths', listings.pathsInfo),
  route('POST', `${API}/preupload/(?<revision>[^/]+)`, 'preupload', preupload),
  route('POST', `${API}/commit/(?<revision>[^/]+)`, 'commit', commit),
  route('POST', `${API}/branch/(?<branch>[^/]+)`, 'other', branches.createBranch),
  route('DELETE', `${API}/branch/(?<branch>[^/]+)`, 'other', branches.deleteBranch),
  route('POST', `${API}/tag/(?<branch>[^/]+)`, 'other', branches.createTag),
  route('DELETE', `${API}/tag/(?<branch>[^/]+)`, 'other', branches.deleteTag),
  route('GET', `${API}(?:/revision/(?<revision>[^/]+))?`, 'info', listings.info),
  route('POST', `${WEB}\\.git/info/lfs/objects/batch`, 'batch', lfs.batch),
  route('POST', `${WEB}\\.git/info/lfs/objects/verify`, 'verify', lfs.verify),
  route('PUT', `/_objects/put${OBJECT}`, 'put', lfs.put),
  route('PUT', `/_objects/part${OBJECT}/(?<upload>[0-9a-f]{24})/(?<number>[0-9]+)`, 'part', lfs.part),
  route('POST', `/_objects/complete${OBJECT}/(?<upload>[0-9a-f]{24})`, 'complete', lfs.complete),
  route('GET HEAD', `/_objects/cdn${OBJECT}`, 'cdn', cdn),
  route('GET HEAD', `${WEB}/resolve/(?<revision>[^/]+)/(?<path>.+)`, 'resolve', resolve),
  route('GET HEAD', `${WEB}/raw/(?<revision>[^/]+)/(?<path>.+)`, 'resolve', raw),
];

/** The handler of a request, with the decoded parts of its path; null when the sandbox does not know it. */
export function findRoute(
  method: string,
  path: string,
): { route: Route; params: Record<string, string> } | null {
  for (const candidate of ROUTES) {
    const match = candidate.methods.includes(method) ? candidate.pattern.exec(path) : null;
    if (!match) continue;
    const params: Record<string, string> = {};
    for (const [key, value] of Object.entries(match.groups ?? {})) {
      if (value !== undefined) params[key] = decodeURIComponent(value);
    }
    return { route: candidate, params };
  }
  return null;
}
