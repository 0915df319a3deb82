import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import tls from 'node:tls';
import { expect, it, onTestFinished } from 'vitest';
import { proxyOf, useProxy } from '../../src/host/proxy.ts';
import { runPt } from '../commands/run-pt.ts';
import { tempDir } from '../hub/support.ts';
import { makeModel, startRig } from '../publish/support.ts';
import { makeCertificate } from '../support/certificate.ts';

it('reads the environment as other programs do: small letters win, schemes may be missing, ALL_PROXY fills in', () => {
  expect(proxyOf({})).toBeNull();
  expect(proxyOf({ HTTPS_PROXY: 'http://a:1', https_proxy: 'b:2', NO_PROXY: 'x.com, .y.org' })).toEqual({
    HTTP_PROXY: '',
    HTTPS_PROXY: 'http://b:2/',
    NO_PROXY: 'x.com,.y.org,localhost,127.0.0.1,::1,[::1]',
  });
  expect(proxyOf({ ALL_PROXY: 'http://a:1', NO_PROXY: '*' })).toEqual({
    HTTP_PROXY: 'http://a:1/',
    HTTPS_PROXY: 'http://a:1/',
    NO_PROXY: '*',
  });
  for (const value of ['socks5://h:1', 'ftp://h', 'http://'])
    expect(() => proxyOf({ HTTPS_PROXY: value })).toThrow(expect.objectContaining({ code: 'proxy.invalid' }));
  expect(() => proxyOf({ HTTP_PROXY: 'socks5://me:secret@h:1' })).toThrow(
    expect.objectContaining({ message: expect.not.stringContaining('secret') }),
  );
});

it('leaves out what stands in a range of NO_PROXY, by its own name: not every library knows ranges', () => {
  const none = (ranges: string, ...addresses: string[]) =>
    proxyOf({ HTTP_PROXY: 'http://a:1', NO_PROXY: ranges }, addresses)
      ?.NO_PROXY.split(',')
      .filter(
        (name) =>
          !ranges.split(',').includes(name) && !['localhost', '127.0.0.1', '::1', '[::1]'].includes(name),
      );
  expect(none('10.0.0.0/8', 'ws://10.1.2.3:9944', 'https://11.1.2.3', 'https://a.b')).toEqual(['10.1.2.3']);
  expect(none('192.168.1.1-192.168.1.9', 'ws://192.168.1.9', 'ws://192.168.1.10')).toEqual(['192.168.1.9']);
  expect(none('fd00::/8', 'wss://[fd00::7]:443', 'wss://[fe00::7]')).toEqual(['fd00::7', '[fd00::7]']);
  expect(none('10.0.0.0/99,10.0.0.9-10.0.0.1,1.2.3/8,/8,-', 'ws://10.0.0.3')).toEqual([]);
});

it('lets a proxy that it cannot use pass when nothing is asked of it, and keeps children off it', () => {
  const env: NodeJS.ProcessEnv = { ALL_PROXY: 'socks5://h:1', no_proxy: 'x.com' };
  useProxy(env, []);
  expect(env.NO_PROXY).toBe('x.com,localhost,127.0.0.1,::1,[::1]');
  expect(env.no_proxy).toBe(env.NO_PROXY);
});

/** A forward proxy that alone knows where `names` are: tunnels, and addresses in full. */
async function forwardProxy(names: Record<string, string>): Promise<{ url: string; lines: string[] }> {
  const lines: string[] = [];
  const server = net.createServer((socket) => {
    let head = Buffer.alloc(0);
    const onData = (chunk: Buffer): void => {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      socket.off('data', onData);
      socket.pause();
      const [first = '', ...others] = head.subarray(0, end).toString('latin1').split('\r\n');
      lines.push(first);
      const [method = '', target = ''] = first.split(' ');
      const tunnel = method === 'CONNECT';
      const url = tunnel ? null : new URL(target);
      const [host, port] = (names[tunnel ? target : url!.host] ?? '127.0.0.1:1').split(':');
      const upstream = net.connect(Number(port), host, () => {
        if (url === null) socket.write('HTTP/1.1 200 OK\r\n\r\n');
        else
          upstream.write(
            [
              `${method} ${url.pathname}${url.search} HTTP/1.1`,
              // What is agreed with one side alone is not passed on: no proxy lets an upgrade through.
              ...others.filter((line) => !/^(proxy-|upgrade:)/i.test(line)),
              '',
              '',
            ].join('\r\n'),
          );
        upstream.write(head.subarray(end + 4));
        socket.pipe(upstream).pipe(socket);
      });
      for (const one of [socket, upstream])
        one.on('error', () => [socket, upstream].forEach((end) => void end.destroy()));
    };
    socket.on('data', onData);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, lines };
}

it('goes by the proxy for API, objects and chain alike, and never for addresses of this machine', async () => {
  const rig = await startRig();
  onTestFinished(() => rig.close());
  const { state } = rig.sandbox;
  const [hub, chain] = [new URL(state.hub).host, new URL(state.chain).host];
  const proxy = await forwardProxy({
    'hub.example.test': hub,
    'hub.example.test:80': hub,
    'chain.example.test:9944': chain,
  });
  const dir = await makeModel(join(rig.home, 'by-proxy'), { seed: 3 });
  const env = {
    PT_HOME: join(rig.home, 'elsewhere'),
    HTTP_PROXY: proxy.url,
    HTTPS_PROXY: proxy.url,
    HF_ACCESS_TOKEN: rig.settings.hub.token!.reveal(),
    PT_WALLET_PATH: rig.settings.wallet.path,
    PT_WALLET_NAME: rig.settings.wallet.name,
    PT_WALLET_HOTKEY: rig.settings.wallet.hotkey,
  };
  const far = { ...env, HF_ENDPOINT: 'http://hub.example.test', PT_NETWORK: 'ws://chain.example.test:9944' };
  const ran = await runPt(
    ['upload', '--load-model-dir', dir, '--hf-repo-id', 'me/by-proxy', '--no-check', '--yes', '--json'],
    { env: far },
  );
  expect(ran.stderr).not.toContain('Error');
  expect(ran.json()).toMatchObject({ repo: 'me/by-proxy', public: true });
  for (const wanted of [
    /hub\.example\.test/,
    /^PUT http:\/\/hub\.example\.test\/_objects/,
    /chain\.example\.test/,
  ])
    expect(proxy.lines.some((line) => wanted.test(line))).toBe(true);
  proxy.lines.length = 0;
  const near = { ...env, HF_ENDPOINT: state.hub, PT_NETWORK: state.chain };
  expect((await runPt(['status', '--json'], { env: near })).code).toBe(0);
  expect(proxy.lines).toEqual([]);
  const broken = await runPt(['status', '--json'], {
    env: { ...far, HTTP_PROXY: 'http://127.0.0.1:1', HTTPS_PROXY: '' },
  });
  expect(broken.code).toBe(5);
  expect(broken.stderr + broken.stdout).toContain('HTTPS_PROXY');
}, 60_000);

it('goes by the proxy to wss and https too, by a tunnel that sees no word of it', async () => {
  const rig = await startRig();
  onTestFinished(() => rig.close());
  const { state } = rig.sandbox;
  const { ca, ...certificate } = makeCertificate(rig.home, 'DNS:chain.example.test');
  const node = tls.createServer(certificate, (socket) => {
    const upstream = net.connect(Number(new URL(state.chain).port), '127.0.0.1');
    socket.pipe(upstream).pipe(socket);
    for (const one of [socket, upstream])
      one.on('error', () => [socket, upstream].forEach((end) => void end.destroy()));
  });
  node.listen(0, '127.0.0.1');
  await once(node, 'listening');
  onTestFinished(() => void node.close());
  const proxy = await forwardProxy({
    'chain.example.test:443': `127.0.0.1:${(node.address() as AddressInfo).port}`,
    'hub.example.test': new URL(state.hub).host,
    'hub.example.test:80': new URL(state.hub).host,
  });
  const env = {
    PT_HOME: join(rig.home, 'elsewhere'),
    HTTP_PROXY: proxy.url,
    HTTPS_PROXY: proxy.url,
    HF_ENDPOINT: 'http://hub.example.test',
    HF_ACCESS_TOKEN: rig.settings.hub.token!.reveal(),
    PT_NETWORK: 'wss://chain.example.test',
    PT_WALLET_PATH: rig.settings.wallet.path,
    PT_WALLET_NAME: rig.settings.wallet.name,
    PT_WALLET_HOTKEY: rig.settings.wallet.hotkey,
  };
  const unknown = await runPt(['status', '--json'], { env });
  expect(unknown.code).toBe(5);
  expect(unknown.stdout).toContain('NODE_EXTRA_CA_CERTS');
  const dir = await makeModel(join(rig.home, 'by-tunnel'), { seed: 4 });
  const upload = ['upload', '--load-model-dir', dir, '--hf-repo-id', 'me/by-tunnel', '--no-check', '--yes'];
  const ran = await runPt([...upload, '--json'], { env: { ...env, NODE_EXTRA_CA_CERTS: ca } });
  expect(ran.code, ran.stderr).toBe(0);
  expect(ran.json()).toMatchObject({ repo: 'me/by-tunnel', public: true });
  expect(proxy.lines).toContain('CONNECT chain.example.test:443 HTTP/1.1');
}, 60_000);

it('hands proxy and exceptions to the trainer, which is not offline', async () => {
  const home = tempDir();
  const seen = join(home, 'seen.json');
  writeFileSync(
    join(home, 'own.py'),
    `import json, os
json.dump({name: value for name, value in os.environ.items() if "proxy" in name.lower()}, open(${JSON.stringify(seen)}, "w"))
RECIPE = {"eval_sequences": 4}
`,
  );
  const proxies = { HTTPS_PROXY: 'http://me:w0rd-0f-pr0xy@127.0.0.1:1', NO_PROXY: 'data.example.test' };
  const ran = await runPt(
    [
      ...[
        'train',
        '--recipe',
        'own.py',
        '--data',
        'builtin',
        '--device',
        'cpu',
        '--max-steps',
        '1',
        '--json',
      ],
      ...['--network', 'ws://chain.example.test:9944'],
    ],
    { env: { PT_HOME: join(home, 'pt'), ...proxies }, cwd: home },
  );
  expect(ran.code, ran.stderr).toBe(0);
  expect(JSON.parse(readFileSync(seen, 'utf8'))).toEqual({
    HTTPS_PROXY: proxies.HTTPS_PROXY,
    NO_PROXY: 'data.example.test,localhost,127.0.0.1,::1,[::1]',
    no_proxy: 'data.example.test,localhost,127.0.0.1,::1,[::1]',
  });
  const { runDir } = ran.json() as { runDir: string };
  for (const file of ['settings.json', 'run.json', 'events.jsonl', 'trainer.log'])
    expect(readFileSync(join(runDir, file), 'utf8')).not.toContain('w0rd-0f-pr0xy');
}, 120_000);

it('uses a node:http that can', () => {
  // bin/run.js starts the pinned Node; this is what it must have.
  expect(http.setGlobalProxyFromEnv).toBeTypeOf('function');
});
