import { existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { HubRevision } from '../../src/hub/index.ts';
import { finish } from '../../src/progress.ts';
import type { SandboxHub } from '../../src/sandbox/hub/index.ts';
import { client, FAST, memoryFile, random, sandbox, tempDir } from './support.ts';

const MIB = 1024 * 1024;

async function published(server: SandboxHub): Promise<{ revision: HubRevision; weights: Buffer }> {
  const weights = random(3 * MIB + 5);
  const hub = client(server);
  await finish(
    hub.upload({
      repo: 'alice/model',
      files: [
        memoryFile('model.safetensors', weights),
        memoryFile('config.json', '{"x": 1}'),
        memoryFile('sub/deep/notes.txt', 'hello'),
        memoryFile('empty.txt', ''),
      ],
      message: 'm',
    }),
  );
  return { revision: (await hub.revision('alice/model'))!, weights };
}

const request = (revision: HubRevision, dir: string) => ({
  repo: revision.repo,
  revision: revision.commit,
  files: revision.files,
  dir,
});

const filesIn = (dir: string): string[] => readdirSync(dir, { recursive: true }).map(String).sort();

describe('download', () => {
  it('writes every file under its name, verified, and nothing else', async () => {
    const server = await sandbox();
    const { revision, weights } = await published(server);
    const dir = join(tempDir(), 'new');
    const result = await finish(client(server).download(request(revision, dir)));
    expect(readFileSync(join(dir, 'model.safetensors')).equals(weights)).toBe(true);
    expect(readFileSync(join(dir, 'sub/deep/notes.txt'), 'utf8')).toBe('hello');
    expect(filesIn(dir)).toEqual(
      [
        '.gitattributes',
        'config.json',
        'empty.txt',
        'model.safetensors',
        'sub',
        'sub/deep',
        'sub/deep/notes.txt',
      ].sort(),
    );
    expect(result.bytesDownloaded).toBe(revision.files.reduce((sum, file) => sum + file.size, 0));
    const again = await finish(client(server).download(request(revision, dir)));
    expect(again.bytesDownloaded).toBe(0);
  });

  it('goes on from a part that an interrupted download left', async () => {
    const server = await sandbox();
    const { revision, weights } = await published(server);
    const dir = tempDir();
    server.setFaults([{ step: 'cdn', does: { kind: 'truncate', bytes: 2 * MIB } }]);
    const hub = client(server, undefined, { retry: { attempts: 1 } });
    const error = await finish(hub.download(request(revision, dir))).catch((e) => e);
    expect(error).toMatchObject({ code: 'hub.unreachable', exitCode: 5 });
    expect(existsSync(join(dir, 'model.safetensors'))).toBe(false);
    server.setFaults([]);
    const rest = await finish(client(server).download(request(revision, dir)));
    expect(rest.bytesDownloaded).toBeLessThan(weights.length / 2);
    expect(readFileSync(join(dir, 'model.safetensors')).equals(weights)).toBe(true);
    expect(filesIn(dir).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  it('fetches a file anew when the part it went on from was wrong', async () => {
    const server = await sandbox();
    const { revision, weights } = await published(server);
    const dir = tempDir();
    const { sha256 } = revision.files.find((file) => file.path === 'model.safetensors')!;
    writeFileSync(join(dir, `model.safetensors.${sha256!.slice(0, 16)}.part`), random(MIB));
    await finish(client(server).download(request(revision, dir)));
    expect(readFileSync(join(dir, 'model.safetensors')).equals(weights)).toBe(true);
  });

  it.each(['cdn', 'resolve'] as const)('refuses wrong bytes from %s and keeps none of them', async (step) => {
    const server = await sandbox();
    const { revision } = await published(server);
    const dir = tempDir();
    const match = step === 'cdn' ? 'cdn' : 'config.json';
    server.setFaults([{ step, match, does: { kind: 'corrupt', offset: 3 } }]);
    const error = await finish(client(server).download(request(revision, dir))).catch((e) => e);
    expect(error).toMatchObject({ code: 'hub.content_mismatch', exitCode: 3 });
    expect(
      filesIn(dir).filter(
        (name) => /part|model|config/.test(name) && name.includes(step === 'cdn' ? 'model' : 'config'),
      ),
    ).toEqual([]);
  });

  it('survives connections that break again and again, each time going on', async () => {
    const server = await sandbox();
    const { revision, weights } = await published(server);
    const dir = tempDir();
    server.setFaults([{ step: 'cdn', times: 3, does: { kind: 'truncate', bytes: MIB } }]);
    const result = await finish(client(server).download(request(revision, dir)));
    expect(readFileSync(join(dir, 'model.safetensors')).equals(weights)).toBe(true);
    expect(result.bytesDownloaded).toBe(revision.files.reduce((sum, file) => sum + file.size, 0));
    expect(server.requests.filter(({ step, range }) => step === 'cdn' && range).length).toBeGreaterThan(0);
  });

  it('fetches large files in several ranges at once, and goes on from what was there in order', async () => {
    const server = await sandbox();
    const hub = client(server);
    const one = random(45 * MIB + 11);
    const two = random(20 * MIB);
    const files = [memoryFile('model-1.safetensors', one), memoryFile('model-2.safetensors', two)];
    await finish(hub.upload({ repo: 'alice/large', files, message: 'm' }));
    const revision = (await hub.revision('alice/large'))!;
    const dir = tempDir();
    server.setFaults([{ step: 'cdn', after: 4, does: { kind: 'drop', when: 'before' } }]);
    const broken = client(server, undefined, { retry: { ...FAST, attempts: 2 } });
    expect(await finish(broken.download(request(revision, dir))).catch((e) => e)).toMatchObject({
      code: 'hub.unreachable',
    });
    const parts = filesIn(dir).filter((name) => name.endsWith('.part'));
    expect(parts.length).toBeGreaterThan(0);
    server.setFaults([
      { step: 'cdn', times: 5, does: { kind: 'truncate', bytes: 3 * MIB } },
      { step: 'cdn', times: 1, does: { kind: 'status', status: 403 } },
    ]);
    const rest = await finish(hub.download(request(revision, dir)));
    expect(rest.bytesDownloaded).toBeLessThan(one.length + two.length - 8 * MIB);
    expect(readFileSync(join(dir, 'model-1.safetensors')).equals(one)).toBe(true);
    expect(readFileSync(join(dir, 'model-2.safetensors')).equals(two)).toBe(true);
    expect(filesIn(dir).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  it('refuses more than the allowed size before a byte is fetched', async () => {
    const server = await sandbox();
    const { revision } = await published(server);
    const before = server.requests.length;
    const error = await finish(
      client(server).download({ ...request(revision, tempDir()), maxBytes: MIB }),
    ).catch((e) => e);
    expect(error).toMatchObject({ code: 'hub.too_large', exitCode: 3 });
    expect(server.requests.length).toBe(before);
  });

  it('stops when a file turns out longer than the listing said', async () => {
    const server = await sandbox();
    const { revision } = await published(server);
    const dir = tempDir();
    const lying = revision.files.map((file) => ({
      ...file,
      size: file.size > 10 ? file.size - 10 : file.size,
    }));
    const error = await finish(client(server).download({ ...request(revision, dir), files: lying })).catch(
      (e) => e,
    );
    expect(error).toMatchObject({ code: 'hub.too_large', exitCode: 3 });
    expect(existsSync(join(dir, 'model.safetensors'))).toBe(false);
  });

  it.each(['../up', '/abs', 'a/../b', 'a\\b', 'a\u0000b', 'a\u202eb', '.git/config', 'C:x', 'a/', 'con', ''])(
    'refuses the name %j',
    async (path) => {
      const server = await sandbox();
      const { revision } = await published(server);
      const file = { ...revision.files[0]!, path };
      const error = await finish(
        client(server).download({ ...request(revision, tempDir()), files: [file] }),
      ).catch((e) => e);
      expect(error).toMatchObject({ code: 'hub.hostile', exitCode: 3 });
    },
  );

  it('does not follow a link out of the folder', async () => {
    const server = await sandbox();
    const { revision } = await published(server);
    const dir = tempDir();
    const outside = tempDir();
    symlinkSync(outside, join(dir, 'sub'));
    const error = await finish(client(server).download(request(revision, dir))).catch((e) => e);
    expect(error).toMatchObject({ code: 'hub.hostile' });
    expect(filesIn(outside).filter((name) => name.includes('notes'))).toEqual([]);
  });

  it('reads ranges', async () => {
    const server = await sandbox();
    const { revision, weights } = await published(server);
    const hub = client(server);
    const at = (start: number, end: number) =>
      hub.range('alice/model', revision.commit, 'model.safetensors', start, end);
    expect(Buffer.from(await at(0, 8)).equals(weights.subarray(0, 8))).toBe(true);
    expect(Buffer.from(await at(1000, 70_000)).equals(weights.subarray(1000, 70_000))).toBe(true);
    expect(Buffer.from(await at(weights.length - 4, weights.length + 9)).equals(weights.subarray(-4))).toBe(
      true,
    );
    expect(await at(5, 5)).toHaveLength(0);
    expect(Buffer.from(await hub.range('alice/model', 'main', 'config.json', 1, 4)).toString()).toBe('"x"');
  });
});
