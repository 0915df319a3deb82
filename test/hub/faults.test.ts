import { describe, expect, it } from 'vitest';
import { finish } from '../../src/progress.ts';
import type { FaultAction, SandboxHub, Step } from '../../src/sandbox/hub/index.ts';
import { client, memoryFile, random, sandbox } from './support.ts';

const MIB = 1024 * 1024;
const multipart = { threshold: 2 * MIB, partSize: 700_000 };

const STEPS: Step[] = [
  'info',
  'create',
  'tree',
  'preupload',
  'batch',
  'put',
  'part',
  'complete',
  'verify',
  'commit',
];
const FAULTS: [string, FaultAction][] = [
  ['a reset before the request is read', { kind: 'drop', when: 'before' }],
  ['a reset in the middle of the request', { kind: 'drop', when: 'request', bytes: 40 }],
  ['a reset after the work was done', { kind: 'drop', when: 'after' }],
  ['an answer cut short', { kind: 'truncate', bytes: 1 }],
  ['500', { kind: 'status', status: 500 }],
  ['502', { kind: 'status', status: 502 }],
  ['503 with Retry-After', { kind: 'status', status: 503, retryAfter: '0' }],
  ['408', { kind: 'status', status: 408 }],
  ['429', { kind: 'status', status: 429 }],
  ['429 with Retry-After', { kind: 'status', status: 429, retryAfter: '0.05' }],
  ['silence', { kind: 'hang' }],
  ['latency', { kind: 'delay', ms: 60 }],
];

/** Uploads small and large files, and checks that exactly one commit with the right content came of it. */
async function uploadsOnce(server: SandboxHub): Promise<void> {
  const hub = client(server);
  const files = [
    memoryFile('config.json', '{"a": 1}'),
    memoryFile('model-1.safetensors', random(MIB)),
    memoryFile('model-2.safetensors', random(2 * MIB + 3)),
  ];
  const result = await finish(hub.upload({ repo: 'alice/m', files, message: 'Publish' }));
  const revision = await hub.revision('alice/m');
  expect(revision!.commit).toBe(result.commit);
  for (const file of files.slice(1))
    expect(revision!.files).toContainEqual(expect.objectContaining({ path: file.path, sha256: file.sha256 }));
  const history = await fetch(`${server.url}/api/models/alice/m/commits/main`, {
    headers: { authorization: 'Bearer hf_sandboxwrite' },
  }).then((response) => response.json() as Promise<{ title: string }[]>);
  expect(history.map((commit) => commit.title)).toEqual(['Publish', 'initial commit']);
}

describe.each(STEPS)('a passing fault at %s', (step) => {
  it.each(FAULTS)('%s: exactly one commit', async (_name, does) => {
    const server = await sandbox({ multipart, faults: [{ step, times: 1, does }] });
    await uploadsOnce(server);
    expect(server.requests.filter((request) => request.step === step).length).toBeGreaterThan(0);
  });
});

describe('a commit whose fate is open', () => {
  it.each([0, 10, 60, 200])('is made once when it lands %i ms after a 504', async (ms) => {
    const server = await sandbox({
      multipart,
      faults: [{ step: 'commit', times: 1, does: { kind: 'late', status: 504, ms } }],
    });
    await uploadsOnce(server);
    await new Promise((done) => setTimeout(done, ms + 50));
    const revision = await client(server).revision('alice/m');
    const history = server.requests.filter((request) => request.step === 'commit');
    expect(history.length).toBeLessThanOrEqual(2);
    expect(revision!.files.map((file) => file.path)).toContain('model-2.safetensors');
    const commits = await fetch(`${server.url}/api/models/alice/m/commits/main`, {
      headers: { authorization: 'Bearer hf_sandboxwrite' },
    }).then((response) => response.json() as Promise<unknown[]>);
    expect(commits).toHaveLength(2);
  });

  it('is not repeated over a stranger who committed meanwhile', async () => {
    const server = await sandbox();
    const hub = client(server);
    await finish(hub.upload({ repo: 'acme/m', files: [memoryFile('a.txt', 'a')], message: 'one' }));
    const parentCommit = (await hub.revision('acme/m'))!.commit;
    await finish(hub.upload({ repo: 'acme/m', files: [memoryFile('b.txt', 'b')], message: 'two' }));
    const work = hub.upload({
      repo: 'acme/m',
      files: [memoryFile('a.txt', 'c')],
      message: 'three',
      parentCommit,
    });
    expect(await finish(work).catch((e) => e)).toMatchObject({ code: 'hub.head_moved', exitCode: 5 });
  });
});

describe('a fault that stays', () => {
  const always: [string, FaultAction, string, number][] = [
    ['500', { kind: 'status', status: 500 }, 'hub.failing', 5],
    ['429', { kind: 'status', status: 429 }, 'hub.rate_limited', 6],
    ['resets', { kind: 'drop', when: 'before' }, 'hub.unreachable', 5],
    ['no space', { kind: 'status', status: 507 }, 'hub.no_space', 5],
    ['too large', { kind: 'status', status: 413 }, 'hub.no_space', 5],
    [
      'a storage limit',
      { kind: 'status', status: 403, message: 'Private repository storage limit reached' },
      'hub.no_space',
      5,
    ],
    ['forbidden', { kind: 'status', status: 403 }, 'hub.forbidden', 4],
  ];
  describe.each(['info', 'batch', 'put', 'part', 'commit'] as Step[])('at %s', (step) => {
    it.each(always)('%s: ends, says what to do', async (_name, does, code, exitCode) => {
      const server = await sandbox({ multipart, faults: [{ step, does }] });
      const error = await uploadsOnce(server).catch((e) => e);
      expect(error).toMatchObject({ code, exitCode });
      expect(error.nextSteps.length).toBeGreaterThan(0);
      expect(server.requests.filter((request) => request.step === step).length).toBeLessThanOrEqual(20);
    });
  });

  it('does not wait for an hour: says when to come back', async () => {
    const server = await sandbox({
      faults: [{ step: 'put', does: { kind: 'status', status: 429, retryAfter: '3600' } }],
    });
    const started = Date.now();
    const error = await uploadsOnce(server).catch((e) => e);
    expect(error).toMatchObject({ code: 'hub.rate_limited', exitCode: 6 });
    expect(Date.parse(error.details.retryAt) - Date.now()).toBeGreaterThan(3_500_000);
    expect(Date.now() - started).toBeLessThan(5_000);
  });

  it('waits as long as Retry-After says, not less', async () => {
    const server = await sandbox({
      faults: [{ step: 'batch', times: 1, does: { kind: 'status', status: 429, retryAfter: '1' } }],
    });
    const started = Date.now();
    await uploadsOnce(server);
    expect(Date.now() - started).toBeGreaterThan(1_000);
  });

  it('stops when the space of the sandbox is used up', async () => {
    const server = await sandbox({ spaceBytes: 2 * MIB });
    expect(await uploadsOnce(server).catch((e) => e)).toMatchObject({ code: 'hub.no_space' });
  });

  it('notices that nobody listens', async () => {
    const server = await sandbox();
    await server.close();
    expect(
      await client(server)
        .revision('a/b')
        .catch((e) => e),
    ).toMatchObject({ code: 'hub.unreachable', exitCode: 5 });
  });
});

describe('cancelling', () => {
  it('ends at once with exit code 130, wherever it is', async () => {
    const server = await sandbox({ faults: [{ step: 'put', does: { kind: 'hang' } }] });
    const controller = new AbortController();
    const work = client(server, undefined, { retry: {} }).upload({
      repo: 'alice/m',
      files: [memoryFile('model.safetensors', random(8 * MIB))],
      message: 'm',
      signal: controller.signal,
    });
    setTimeout(() => controller.abort(), 300);
    const started = Date.now();
    expect(await finish(work).catch((e) => e)).toMatchObject({ code: 'cancelled', exitCode: 130 });
    expect(Date.now() - started).toBeLessThan(2_000);
  });

  it('stops the transfer when the caller stops listening', async () => {
    const server = await sandbox({ faults: [{ step: 'put', does: { kind: 'hang' } }] });
    const work = client(server).upload({
      repo: 'alice/m',
      files: [memoryFile('model.safetensors', random(8 * MIB))],
      message: 'm',
    });
    await work.next();
    const started = Date.now();
    await work.return(undefined as never);
    expect(Date.now() - started).toBeLessThan(2_000);
  });

  it('takes the answer when the source only ends after it', async () => {
    const server = await sandbox();
    const file = memoryFile('model.safetensors', random(MIB));
    const slow = {
      ...file,
      async *open(start = 0, end = file.size) {
        yield* file.open(start, end);
        await new Promise((done) => setTimeout(done, 300));
      },
    };
    const work = client(server).upload({ repo: 'alice/m', files: [slow], message: 'm' });
    expect(await finish(work)).toMatchObject({ bytesUploaded: file.size });
  });

  it('sends a source right that uses one buffer for all its chunks', async () => {
    const server = await sandbox({ multipart });
    const content = random(5 * MIB);
    const file = memoryFile('model.safetensors', content);
    const frugal = {
      ...file,
      async *open(start = 0, end = file.size) {
        const own = Buffer.alloc(50_000);
        for (let at = start; at < end; at += own.length)
          yield own.subarray(0, content.copy(own, 0, at, Math.min(end, at + own.length)));
        own.fill(0);
      },
    };
    const hub = client(server);
    const { commit } = await finish(hub.upload({ repo: 'alice/m', files: [frugal], message: 'm' }));
    expect((await hub.revision('alice/m', commit))!.files).toContainEqual(
      expect.objectContaining({ sha256: file.sha256 }),
    );
  });

  it('does not send a file that changed meanwhile', async () => {
    const server = await sandbox();
    const file = memoryFile('model.safetensors', random(MIB));
    const work = client(server).upload({
      repo: 'alice/m',
      files: [{ ...file, size: file.size + 9 }],
      message: 'm',
    });
    expect(await finish(work).catch((e) => e)).toMatchObject({ code: 'hub.file_changed', exitCode: 3 });
  });
});
