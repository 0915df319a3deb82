import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { createHub } from '../../src/hub/index.ts';
import { finish } from '../../src/progress.ts';
import type { Step } from '../../src/sandbox/hub/index.ts';
import { Secret } from '../../src/secret.ts';
import { client, FAST, memoryFile, random, sandbox, tempDir, WRITE_TOKEN } from './support.ts';

const open: Server[] = [];
afterEach(() => {
  for (const server of open.splice(0)) server.close().closeAllConnections();
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  open.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A host that notes all it gets and answers everything with 200. */
async function eavesdropper(): Promise<{
  origin: string;
  heard: { headers: IncomingMessage['headers']; body: string }[];
}> {
  const heard: { headers: IncomingMessage['headers']; body: string }[] = [];
  const origin = await serve((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      heard.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
      response.end('{}');
    });
  });
  return { origin, heard };
}

describe('redirects to another host', () => {
  const steps: Step[] = [
    'whoami',
    'info',
    'tree',
    'create',
    'preupload',
    'batch',
    'put',
    'verify',
    'commit',
    'resolve',
    'cdn',
    'settings',
  ];
  it.each(steps)('never carry the token (%s)', async (step) => {
    const { origin, heard } = await eavesdropper();
    const server = await sandbox();
    const hub = client(server);
    await finish(
      hub.upload({ repo: 'alice/old', files: [memoryFile('model.safetensors', random(5000))], message: 'm' }),
    );
    const old = (await hub.revision('alice/old'))!;
    server.setFaults([{ step, does: { kind: 'redirect', origin } }]);
    const outcomes = await Promise.allSettled([
      hub.whoami(),
      finish(
        hub.upload({ repo: 'alice/new', files: [memoryFile('a.safetensors', random(3000))], message: 'm' }),
      ),
      finish(hub.download({ repo: old.repo, revision: old.commit, files: old.files, dir: tempDir() })),
      hub.setVisibility('alice/old', { private: false }),
    ]);
    expect(outcomes.some((outcome) => outcome.status === 'rejected')).toBe(true);
    expect(inspect([heard, outcomes], { depth: 9 })).not.toContain(WRITE_TOKEN);
    for (const { headers, body } of heard) {
      expect(headers.authorization).toBeUndefined();
      expect(body).toBe('');
    }
    if (step === 'resolve' || step === 'cdn') expect(heard.length).toBeGreaterThan(0);
    else expect(heard).toEqual([]);
  });
});

describe('loopbackOnly', () => {
  it('refuses another host before anything is looked up or opened', () => {
    for (const endpoint of [
      'https://huggingface.co',
      'http://127.0.0.1.example.com',
      'http://10.0.0.1',
      'http://[fe80::1]',
    ])
      expect(() => createHub({ endpoint, loopbackOnly: true })).toThrow(/Refused to connect/);
  });

  it('refuses redirects and upload addresses off this machine', async () => {
    const server = await sandbox();
    const hub = client(server);
    await finish(
      hub.upload({ repo: 'alice/m', files: [memoryFile('x.safetensors', random(100))], message: 'm' }),
    );
    const revision = (await hub.revision('alice/m'))!;
    server.setFaults([{ step: 'resolve', does: { kind: 'redirect', origin: 'http://192.0.2.1' } }]);
    const work = hub.download({
      repo: 'alice/m',
      revision: revision.commit,
      files: revision.files,
      dir: tempDir(),
    });
    expect(await finish(work).catch((e) => e)).toMatchObject({ code: 'hub.target_refused' });
  });

  it.each(['ftp://127.0.0.1', 'nonsense', 'http://user:secret@127.0.0.1', 'http://127.0.0.1/?x=1', ''])(
    'refuses the endpoint %j and does not repeat what may be a password',
    (endpoint) => {
      const error = (() => {
        try {
          createHub({ endpoint });
        } catch (e) {
          return e;
        }
      })();
      expect(error).toMatchObject({ code: 'hub.bad_endpoint', exitCode: 2 });
      expect(String(error)).not.toContain('secret');
    },
  );
});

it('gives up on a body that comes in drops', async () => {
  const origin = await serve((request, response) => {
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    response.writeHead(request.headers.range ? 206 : 200, {
      'content-length': 100_000 - from,
      'content-range': `bytes ${from}-99999/100000`,
    });
    const drops = setInterval(() => response.write('a'), 20);
    response.on('close', () => clearInterval(drops));
  });
  const file = { path: 'model.safetensors', size: 100_000, oid: 'b'.repeat(40), sha256: 'c'.repeat(64) };
  const hub = createHub({ endpoint: origin, retry: { ...FAST, attempts: 2, idleMs: 300 } });
  const work = hub.download({ repo: 'a/b', revision: 'a'.repeat(40), files: [file], dir: tempDir() });
  expect(await finish(work).catch((e) => e)).toMatchObject({ code: 'hub.unreachable', exitCode: 5 });
});

describe('a Hub whose clock differs from ours', () => {
  it.each([-7200, 7200])('by %i s: Retry-After as a date is counted from its own', async (skew) => {
    let asked = 0;
    const origin = await serve((_request, response) => {
      asked += 1;
      const date = (seconds: number) => new Date(Date.now() + (skew + seconds) * 1000).toUTCString();
      response.setHeader('Date', date(0));
      if (asked > 1) return response.end(JSON.stringify({ sha: 'a'.repeat(40), private: false }));
      response.statusCode = 429;
      response.setHeader('Retry-After', date(2));
      return response.end();
    });
    const started = performance.now();
    // The listing that follows is no listing; what counts is that the first question was asked again, not at once.
    await createHub({ endpoint: origin, retry: { ...FAST, maxWaitMs: 10_000 } })
      .revision('a/b')
      .catch(() => {});
    expect(asked).toBeGreaterThan(1);
    expect(performance.now() - started).toBeGreaterThan(900);
  });
});

describe('hostile answers', () => {
  const commit = 'a'.repeat(40);
  const file = (path: string) => ({ type: 'file', path, size: 1, oid: 'b'.repeat(40) });
  const listing = async (page: (url: URL, origin: string) => { body: string; link?: string }) => {
    let origin = '';
    let pages = 0;
    origin = await serve((request, response) => {
      const url = new URL(request.url!, origin);
      if (url.pathname.includes('/revision/'))
        return response.end(JSON.stringify({ sha: commit, private: false }));
      pages += 1;
      const { body, link } = page(url, origin);
      if (link) response.setHeader('Link', link);
      return response.end(body);
    });
    const retry = { ...FAST, idleMs: 20_000 };
    const hub = createHub({ endpoint: origin, token: new Secret(WRITE_TOKEN), retry });
    const outcome = await hub.revision('a/b').catch((e) => e);
    return { outcome, pages };
  };

  it('follows all pages', async () => {
    const server = await sandbox({ pageSize: 2 });
    const hub = client(server);
    const files = Array.from({ length: 9 }, (_, i) => memoryFile(`d${i % 3}/f${i}.txt`, String(i)));
    await finish(hub.upload({ repo: 'alice/m', files, message: 'm' }));
    expect((await hub.revision('alice/m'))!.files).toHaveLength(10);
    expect(server.requests.filter(({ step }) => step === 'tree').length).toBeGreaterThan(5);
  });

  it.each([
    ['a path out of the folder', JSON.stringify([file('../x')]), 'hub.hostile'],
    ['a control character', JSON.stringify([file('a\u0007')]), 'hub.hostile'],
    ['the same name twice', JSON.stringify([file('a'), file('a')]), 'hub.malformed'],
    ['no list', '{"__proto__": {"x": 1}}', 'hub.malformed'],
    ['a negative size', JSON.stringify([{ ...file('a'), size: -1 }]), 'hub.malformed'],
    [
      'a size beyond all numbers',
      `[{"type":"file","path":"a","size":1e300,"oid":"${'b'.repeat(40)}"}]`,
      'hub.malformed',
    ],
    [
      'a wrong object id',
      JSON.stringify([{ ...file('a'), lfs: { oid: '../../x', size: 1 } }]),
      'hub.malformed',
    ],
    ['HTML', '<html>', 'hub.malformed'],
    ['nothing', '', 'hub.malformed'],
  ])('refuses %s', async (_name, body, code) => {
    expect((await listing(() => ({ body }))).outcome).toMatchObject({ code });
  });

  it('gives up on a listing without end', async () => {
    let n = 0;
    const { outcome, pages } = await listing((url) => {
      n += 1;
      return { body: JSON.stringify([file(`f${n}`)]), link: `<${url.href}&n=${n}>; rel="next"` };
    });
    expect(outcome).toMatchObject({ code: 'hub.too_many_files' });
    expect(pages).toBeLessThanOrEqual(1000);
  });

  it('gives up on an answer without end', async () => {
    const { outcome } = await listing(() => ({ body: `[${' '.repeat(40 * 1024 * 1024)}` }));
    expect(outcome).toMatchObject({ code: 'hub.malformed' });
  });

  it('does not take the next page from another host', async () => {
    const { origin, heard } = await eavesdropper();
    const { outcome } = await listing(() => ({ body: '[]', link: `<${origin}/x>; rel="next"` }));
    expect(outcome).toMatchObject({ code: 'hub.malformed' });
    expect(heard).toEqual([]);
  });

  it('tames what the server says', async () => {
    const origin = await serve((_request, response) => {
      response.statusCode = 418;
      response.end(`\u001b[31mred\u202e ${WRITE_TOKEN} ${'x'.repeat(5000)}`);
    });
    const hub = createHub({ endpoint: origin, token: new Secret(WRITE_TOKEN), retry: FAST });
    const error = await hub.revision('a/b').catch((e) => e);
    expect(error.code).toBe('hub.refused');
    expect(error.message).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(error.message).not.toContain(WRITE_TOKEN);
    expect(error.message.length).toBeLessThan(500);
  });
});
