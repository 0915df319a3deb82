import { describe, expect, it } from 'vitest';
import { finish, type Progress } from '../../src/progress.ts';
import { client, memoryFile, random, sandbox } from './support.ts';

const MIB = 1024 * 1024;

describe('upload', () => {
  it('creates a private repository and makes one commit of all files', async () => {
    const server = await sandbox();
    const hub = client(server);
    const weights = memoryFile('model.safetensors', random(3 * MIB));
    const config = memoryFile('config.json', '{"a": 1}');
    const nested = memoryFile('sub/notes.txt', 'hello');
    const empty = memoryFile('empty.txt', '');
    const events: Progress[] = [];
    const result = await finish(
      hub.upload({ repo: 'alice/first', files: [weights, config, nested, empty], message: 'Add the model' }),
      (event) => events.push(event),
    );
    const revision = await hub.revision('alice/first');
    expect(revision).toMatchObject({ commit: result.commit, private: true });
    const files = new Map(revision!.files.map((file) => [file.path, file]));
    expect(files.get('model.safetensors')).toMatchObject({ size: 3 * MIB, sha256: weights.sha256 });
    expect(files.get('config.json')).toMatchObject({ size: 8 });
    expect(files.get('config.json')!.sha256).toBeUndefined();
    expect([...files.keys()].sort()).toEqual([
      '.gitattributes',
      'config.json',
      'empty.txt',
      'model.safetensors',
      'sub/notes.txt',
    ]);
    expect(result.bytesUploaded).toBe(weights.size + config.size + nested.size);
    expect(events.at(-1)).toMatchObject({
      phase: 'uploading',
      done: weights.size,
      total: weights.size,
      unit: 'bytes',
    });
    expect(await hub.anonymous().revision('alice/first')).toBeNull();
    expect(server.requests.filter((request) => request.step === 'commit')).toHaveLength(1);
  });

  it('sends nothing and makes no commit when the Hub holds exactly this', async () => {
    const server = await sandbox();
    const hub = client(server);
    const files = [memoryFile('model.safetensors', random(MIB)), memoryFile('config.json', '{}')];
    const request = { repo: 'acme/same', files, message: 'm' };
    const first = await finish(hub.upload(request));
    const before = server.requests.length;
    const second = await finish(hub.upload(request));
    expect(second).toEqual({ commit: first.commit, bytesUploaded: 0 });
    expect(server.requests.slice(before).map(({ step }) => step)).toEqual(['info', 'tree']);
  });

  it('sends only what changed, and deletes what it is told to', async () => {
    const server = await sandbox();
    const hub = client(server);
    const weights = memoryFile('model.safetensors', random(MIB));
    await finish(hub.upload({ repo: 'acme/m', files: [weights, memoryFile('old.txt', 'x')], message: 'm' }));
    const config = memoryFile('config.json', '{"b": 2}');
    const result = await finish(
      hub.upload({
        repo: 'acme/m',
        files: [weights, config],
        deletePaths: ['old.txt', 'never.txt'],
        message: 'n',
      }),
    );
    expect(result.bytesUploaded).toBe(config.size);
    const revision = await hub.revision('acme/m', result.commit);
    expect(revision!.files.map((file) => file.path)).toEqual([
      '.gitattributes',
      'config.json',
      'model.safetensors',
    ]);
  });

  it('uploads large objects in parts', async () => {
    const server = await sandbox({ multipart: { threshold: MIB, partSize: 300_000 } });
    const hub = client(server);
    const content = random(2 * MIB + 17);
    const weights = memoryFile('model.safetensors', content);
    const result = await finish(hub.upload({ repo: 'acme/parts', files: [weights], message: 'm' }));
    expect(result.bytesUploaded).toBe(weights.size);
    expect(server.requests.filter(({ step }) => step === 'part')).toHaveLength(
      Math.ceil(weights.size / 300_000),
    );
    const bytes = await hub.range('acme/parts', result.commit, 'model.safetensors', 0, weights.size);
    expect(content.equals(bytes)).toBe(true);
  });

  it('changes visibility, for everybody to see', async () => {
    const server = await sandbox();
    const hub = client(server);
    await hub.createRepo('alice/v', { private: true });
    expect(await hub.anonymous().revision('alice/v')).toBeNull();
    await hub.setVisibility('alice/v', { private: false });
    expect((await hub.anonymous().revision('alice/v'))!.private).toBe(false);
    await hub.createRepo('alice/v', { private: true });
    expect((await hub.revision('alice/v'))!.private).toBe(false);
  });

  it('tells whose token it is and what it may do', async () => {
    const server = await sandbox();
    expect(await client(server).whoami()).toEqual({ name: 'alice', orgs: ['acme'], canWrite: true });
    expect(await client(server, 'hf_sandboxread').whoami()).toEqual({
      name: 'alice',
      orgs: [],
      canWrite: false,
    });
  });

  it.each([
    ['no token', null, 'hub.token_missing', 4],
    ['a wrong token', 'hf_wrong', 'hub.token_rejected', 4],
    ['a read-only token', 'hf_sandboxread', 'hub.forbidden', 4],
    ["somebody else's token", 'hf_sandboxbob', 'hub.forbidden', 4],
  ])('says what to do with %s', async (_name, token, code, exitCode) => {
    const server = await sandbox();
    const work = client(server, token).upload({
      repo: 'alice/x',
      files: [memoryFile('a.txt', 'a')],
      message: 'm',
    });
    const error = await finish(work).catch((e) => e);
    expect(error).toMatchObject({ code, exitCode });
    expect(error.nextSteps.join(' ')).toContain('HF_ACCESS_TOKEN');
    expect(
      JSON.stringify([error.message, error.nextSteps, error.details, String(error.cause)]),
    ).not.toContain(token ?? 'no token at all');
  });
});
