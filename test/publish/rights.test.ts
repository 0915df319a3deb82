import { afterAll, beforeAll, expect, it } from 'vitest';
import { finish } from '../../src/progress.ts';
import { publish } from '../../src/publish/index.ts';
import { client, sandbox } from '../hub/support.ts';
import { type Rig, startRig } from './support.ts';

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(() => rig.close());

const right = (name: string, type: 'user' | 'org', permissions: string[]) => ({
  entity: { type, name },
  permissions,
});

/** A publish to `repo` by a fine-grained token with these rights, and what the Hub was asked. */
async function tries(repo: string, scoped: ReturnType<typeof right>[]) {
  const hub = await sandbox({
    tokens: [{ token: 'hf_fine', user: 'alice', role: 'fineGrained', orgs: ['acme'], scoped }],
  });
  const place = { ...rig.place, hub: async () => client(hub, 'hf_fine') };
  const error = await finish(publish({ ...rig.request(), repo }, place)).catch((thrown: unknown) => thrown);
  return { error, asked: hub.requests.map(({ method, path }) => `${method} ${path}`) };
}

it.each([
  ['alice/m', [right('acme', 'org', ['repo.write'])], /may write only to acme/],
  ['alice/m', [right('alice', 'user', ['repo.content.read'])], /may write to nothing/],
  ['acme/m', [right('alice', 'user', ['repo.write'])], /may write only to alice/],
])(
  'a fine-grained token without the right to write to %s is refused before anything is hashed',
  async (repo, scoped, says) => {
    const { error, asked } = await tries(repo, scoped);
    expect(error).toMatchObject({
      code: 'token.no_write_right',
      exitCode: 4,
      message: expect.stringMatching(says),
      nextSteps: expect.arrayContaining([expect.stringContaining('/settings/tokens')]),
    });
    expect(asked).toEqual(['GET /api/whoami-v2']);
  },
);

it('and with it is not', async () => {
  const { error, asked } = await tries('acme/m', [right('acme', 'org', ['repo.content.read', 'repo.write'])]);
  expect(error).toMatchObject({ repo: 'acme/m' });
  expect(asked.length).toBeGreaterThan(1);
});
