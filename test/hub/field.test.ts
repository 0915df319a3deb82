import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { EXIT, PtError } from '../../src/errors.ts';
import { finish } from '../../src/progress.ts';
import type { SandboxHub } from '../../src/sandbox/hub/index.ts';
import { attack } from '../support/attack.ts';
import { makeCertificate } from '../support/certificate.ts';
import { client, memoryFile, random, sandbox, tempDir } from './support.ts';

/** Hubs as they are met outside: behind mirrors, with their own authorities, with addresses that expire, slow, and talking nonsense. */

type Change = (answer: { status: number; headers: http.OutgoingHttpHeaders; body: Buffer }) => void;

/** A reverse proxy under `prefix`, for the Hub that keeps calling itself by its own address. */
async function mirror(
  hub: { url: string },
  { prefix = '', change }: { prefix?: string; change?: (line: string) => Change | undefined } = {},
): Promise<{ url: string; lines: string[]; tokens: (string | undefined)[] }> {
  const lines: string[] = [];
  const tokens: (string | undefined)[] = [];
  const upstream = new URL(hub.url);
  const server = http.createServer(async (request, response) => {
    const line = `${request.method} ${request.url}`;
    lines.push(line);
    tokens.push(request.headers.authorization);
    if (!request.url!.startsWith(prefix)) return void response.writeHead(404).end();
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { host: _, connection: __, ...headers } = request.headers;
    const asked = http.request({
      host: upstream.hostname,
      port: upstream.port,
      method: request.method,
      path: request.url!.slice(prefix.length),
      headers,
    });
    asked.end(Buffer.concat(chunks));
    const [answered] = (await once(asked, 'response')) as [http.IncomingMessage];
    const body: Buffer[] = [];
    for await (const chunk of answered) body.push(chunk as Buffer);
    const answer = {
      status: answered.statusCode!,
      headers: { ...answered.headers },
      body: Buffer.concat(body),
    };
    change?.(line)?.(answer);
    delete answer.headers['transfer-encoding'];
    if (request.method !== 'HEAD') answer.headers['content-length'] = String(answer.body.length);
    response
      .writeHead(answer.status, answer.headers)
      .end(request.method === 'HEAD' ? undefined : answer.body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${prefix}`, lines, tokens };
}

const multipart = { threshold: 20_000, partSize: 16_384 };
const model = () => [
  memoryFile('config.json', '{"a": 1}'),
  memoryFile('model.safetensors', random(50_000)),
  memoryFile('other.safetensors', random(9_000)),
];

describe('a Hub behind a mirror', () => {
  for (const prefix of ['', '/hub', '/a/b'])
    it(`is told of objects at HF_ENDPOINT, here ${prefix || 'without a path'}, and gives pages and files from there`, async () => {
      const hub = await sandbox({ multipart, pageSize: 2 });
      const { url, lines } = await mirror(hub, { prefix });
      const here = client({ url });
      const files = model();
      const { commit } = await finish(here.upload({ repo: 'alice/m', files, message: 'm' }));
      const revision = await here.revision('alice/m', commit);
      expect(revision!.files.map(({ path }) => path)).toEqual(
        expect.arrayContaining(files.map(({ path }) => path)),
      );
      expect(lines.filter((line) => line.includes('/verify')).length).toBe(2);
      expect(lines.filter((line) => line.includes('/_objects/complete/')).length).toBe(1);
      const dir = tempDir();
      await finish(here.download({ repo: 'alice/m', revision: commit, files: revision!.files, dir }));
      expect(readFileSync(join(dir, 'config.json'), 'utf8')).toBe('{"a": 1}');
    });

  it('sends the token to no other host that verify or completion name', async () => {
    const hub = await sandbox({ multipart });
    const eavesdropper = await mirror(hub);
    const { url } = await mirror(hub, {
      change: (line) =>
        line.includes('objects/batch')
          ? (answer) => {
              const text = answer.body.toString().replaceAll(hub.url, eavesdropper.url);
              answer.body = Buffer.from(text);
            }
          : undefined,
    });
    await finish(client({ url }).upload({ repo: 'alice/m', files: model(), message: 'm' }));
    expect(eavesdropper.tokens.filter((token) => token !== undefined)).toEqual([]);
  });
});

describe('a signed address that its store no longer takes', () => {
  for (const step of ['put', 'part', 'complete', 'verify'] as const)
    for (const status of [400, 403])
      it(`is asked for again after ${status} (${step})`, async () => {
        const hub = await sandbox({ multipart });
        hub.setFaults([{ step, times: 1, does: { kind: 'status', status, message: 'Request has expired' } }]);
        const files = model();
        await finish(client(hub).upload({ repo: 'alice/m', files, message: 'm' }));
        expect(hub.requests.filter((request) => request.step === 'batch').length).toBeGreaterThan(1);
      });

  it.each([400, 401, 403])('is asked for again after %i to a download, from the first on', async (status) => {
    const hub = await sandbox();
    await finish(client(hub).upload({ repo: 'alice/m', files: model(), message: 'm' }));
    const revision = (await client(hub).revision('alice/m'))!;
    const download = async () =>
      finish(
        client(hub).download({
          repo: 'alice/m',
          revision: revision.commit,
          files: revision.files,
          dir: tempDir(),
        }),
      );
    hub.setFaults([
      { step: 'cdn', times: 2, does: { kind: 'status', status, message: 'Request has expired' } },
    ]);
    expect((await download()).bytesDownloaded).toBeGreaterThan(0);
    hub.setFaults([{ step: 'cdn', does: { kind: 'status', status: 403 } }]);
    const error = await download().catch((failure: unknown) => failure);
    expect(error).toMatchObject({ code: 'hub.forbidden' });
    // Nobody who only loads needs to write.
    expect((error as { nextSteps: string[] }).nextSteps.join()).not.toContain('write');
  });

  it('is given up when fresh ones are refused too', async () => {
    const hub = await sandbox({ multipart });
    hub.setFaults([{ step: 'put', does: { kind: 'status', status: 403 } }]);
    await expect(
      finish(client(hub).upload({ repo: 'alice/m', files: model(), message: 'm' })),
    ).rejects.toMatchObject({
      code: 'hub.forbidden',
    });
  });
});

describe('README.md', () => {
  const refuse = (hub: SandboxHub, status: number, message: string) =>
    hub.setFaults([{ match: 'POST /api/validate-yaml', does: { kind: 'status', status, message } }]);

  it('is refused in the words of the Hub', async () => {
    const hub = await sandbox();
    refuse(hub, 400, 'Invalid metadata in README.md. "model-index" must be an array');
    await expect(client(hub).checkReadme('---\nmodel-index: no\n---')).rejects.toMatchObject({
      code: 'hub.readme_refused',
      exitCode: 3,
      message: expect.stringContaining('"model-index" must be an array'),
    });
    refuse(hub, 422, '"license" must be a string');
    await expect(client(hub).checkReadme('---\n---')).rejects.toMatchObject({ code: 'hub.readme_refused' });
  });

  it('is taken when the Hub has no such question, or no objection', async () => {
    const hub = await sandbox();
    await client(hub).checkReadme('---\nlicense: mit\n---');
    for (const status of [404, 405, 501]) {
      refuse(hub, status, 'no');
      await client(hub).checkReadme('x');
    }
  });

  it('is named when only the commit refuses it', async () => {
    const hub = await sandbox();
    hub.setFaults([
      { step: 'commit', does: { kind: 'status', status: 400, message: 'Invalid metadata in README.md. no' } },
    ]);
    await expect(
      finish(client(hub).upload({ repo: 'alice/m', files: [memoryFile('README.md', 'x')], message: 'm' })),
    ).rejects.toMatchObject({ code: 'hub.readme_refused', exitCode: 3 });
  });
});

it('tells what a fine-grained token may write to', async () => {
  const scoped = [
    { entity: { type: 'org' as const, name: 'acme' }, permissions: ['repo.content.read', 'repo.write'] },
    { entity: { type: 'user' as const, name: 'alice' }, permissions: ['repo.content.read'] },
  ];
  const hub = await sandbox({
    tokens: [{ token: 'hf_fine', user: 'alice', role: 'fineGrained', orgs: ['acme'], scoped }],
  });
  const fine = client(hub, 'hf_fine');
  expect(await fine.whoami()).toEqual({ name: 'alice', orgs: ['acme'], canWrite: null, writes: ['acme'] });
  const files = [memoryFile('config.json', '{}')];
  await finish(fine.upload({ repo: 'acme/m', files, message: 'm' }));
  await expect(finish(fine.upload({ repo: 'alice/m', files, message: 'm' }))).rejects.toMatchObject({
    exitCode: 4,
  });
});

for (const message of [
  'Private repository storage limit reached, please upgrade your plan',
  'You have exceeded your storage limit',
  'Repository storage limit reached (Max: 300 GB)',
  'Not enough storage left',
])
  for (const [step, status] of [
    ['batch', 403],
    ['put', 402],
    ['commit', 400],
  ] as const)
    it(`"${message}" (${status} at ${step}) is a quota with its way out`, async () => {
      const hub = await sandbox();
      hub.setFaults([{ step, does: { kind: 'status', status, message } }]);
      const work = client(hub).upload({ repo: 'alice/m', files: model(), message: 'm' });
      await expect(finish(work)).rejects.toMatchObject({
        code: 'hub.no_space',
        nextSteps: expect.arrayContaining([expect.stringContaining('--hf-repo-id')]),
      });
    });

describe('TLS', () => {
  it('names NODE_EXTRA_CA_CERTS for an authority that is not known, and works with it', async () => {
    const dir = tempDir();
    const { key, cert, ca } = makeCertificate(dir, 'DNS:localhost,IP:127.0.0.1');
    const server = https.createServer({ key, cert }, (request, response) => {
      response.setHeader('content-type', 'application/json');
      response.end(request.url === '/api/whoami-v2' ? '{"name": "alice", "orgs": [], "auth": {}}' : '{}');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const url = `https://localhost:${(server.address() as AddressInfo).port}`;
    const certificate = {
      code: 'hub.certificate',
      exitCode: 5,
      nextSteps: expect.arrayContaining([expect.stringContaining('NODE_EXTRA_CA_CERTS')]),
    };
    await expect(client({ url }).whoami()).rejects.toMatchObject(certificate);
    await expect(client({ url }).range('a/b', 'main', 'config.json', 0, 5)).rejects.toMatchObject(
      certificate,
    );
    const script = `import { createHub } from '${resolve('src/hub/index.ts')}'; import { Secret } from '${resolve('src/secret.ts')}';
      console.log((await createHub({ endpoint: '${url}', token: new Secret('hf_x') }).whoami()).name);`;
    const child = spawn(
      process.execPath,
      ['--experimental-transform-types', '--input-type=module', '-e', script],
      {
        env: { PATH: process.env.PATH, NODE_EXTRA_CA_CERTS: ca },
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    let said = '';
    child.stdout.on('data', (chunk) => {
      said += chunk;
    });
    await once(child, 'close');
    expect(said.trim()).toBe('alice');
  });
});

describe('a Hub that drips', () => {
  it('is given up, at whatever request, however often a byte comes', async () => {
    const hub = await sandbox();
    await finish(client(hub).upload({ repo: 'alice/old', files: model(), message: 'm' }));
    const server = http.createServer((request, response) => {
      request.resume();
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100000' });
      const timer = setInterval(() => response.write(' '), 100);
      response.on('close', () => clearInterval(timer));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const quick = client({ url }, undefined, {
      retry: { attempts: 2, baseMs: 5, idleMs: 400, answerMs: 400 },
    });
    for (const ask of [
      () => quick.whoami(),
      () => quick.revision('alice/old'),
      () => quick.setVisibility('alice/old', { private: true }),
      () => quick.range('alice/old', 'main', 'config.json', 0, 90_000),
    ])
      await expect(ask()).rejects.toMatchObject({ code: 'hub.unreachable', exitCode: 5 });
    const dripping = await mirror(hub, {
      change: (line) =>
        line.includes('objects/batch')
          ? (answer) => {
              answer.body = Buffer.from(
                answer.body.toString().replaceAll(/http:\/\/127\.0\.0\.1:\d+(?=\/_objects\/put)/g, url),
              );
            }
          : undefined,
    });
    const upload = client(dripping, undefined, {
      retry: { attempts: 2, baseMs: 5, idleMs: 400, answerMs: 400 },
    }).upload({
      repo: 'alice/new',
      files: model(),
      message: 'm',
    });
    await expect(finish(upload)).rejects.toMatchObject({ code: 'hub.unreachable' });
  }, 30_000);
});

describe('answers that are no answers', () => {
  const header = fc.constantFrom<Record<string, string>>(
    {},
    { 'retry-after': 'Sat, 13 Sep 275760 00:00:00 GMT' },
    { 'retry-after': '999999999' },
    { 'x-error-code': 'RepoNotFound' },
    { link: '<http://[>; rel="next"' },
    { location: 'http://[' },
  );
  const answer = fc.record({
    status: fc.constantFrom(
      200,
      201,
      204,
      205,
      301,
      307,
      400,
      401,
      402,
      403,
      404,
      409,
      412,
      418,
      422,
      429,
      500,
      507,
      599,
    ),
    body: fc.oneof(
      fc.json(),
      fc.string(),
      fc.constantFrom(
        '',
        'null',
        '{"error":{"a":[1]}}',
        '{"errors":[null,{"message":{}}]}',
        '{"toString":null}',
      ),
    ),
    headers: header,
    at: fc.nat(12),
  });

  it('end in success or an error from outside, never in a bug', async () => {
    const hub = await sandbox({ multipart });
    let planned: { status: number; body: string; headers: Record<string, string>; at: number } | null = null;
    let seen = 0;
    const { url } = await mirror(hub, {
      change: () => {
        const now = planned && seen++ >= planned.at ? planned : null;
        return now === null
          ? undefined
          : (answer) => {
              const bodiless = [204, 205].includes(now.status);
              Object.assign(answer, {
                status: now.status,
                headers: { ...now.headers },
                body: Buffer.from(bodiless ? '' : now.body),
              });
            };
      },
    });
    const quick = client({ url }, undefined, {
      retry: { attempts: 2, baseMs: 1, capMs: 2, maxWaitMs: 5, idleMs: 2000, answerMs: 2000 },
    });
    let count = 0;
    await attack(
      'any status, header and body, from any request of a publish on',
      fc.asyncProperty(answer, async (given) => {
        [planned, seen] = [given, 0];
        count += 1;
        const repo = `alice/m-${count}`;
        const steps = [
          () => quick.whoami(),
          () => quick.checkReadme('x'),
          () => finish(quick.upload({ repo, files: model(), message: 'm' })),
          () => quick.setVisibility(repo, { private: false }),
          () => quick.revision(repo),
          () => quick.range(repo, 'main', 'config.json', 0, 4),
        ];
        for (const step of steps) {
          const error = await step().then(
            () => null,
            (failure: unknown) => failure,
          );
          if (error === null) continue;
          expect(error, String((error as Error).stack)).toBeInstanceOf(PtError);
          expect((error as PtError).exitCode).not.toBe(EXIT.bug);
          JSON.stringify((error as PtError).details);
        }
      }),
      { short: 40 },
    );
  }, 120_000);
});
