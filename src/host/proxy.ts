import http from 'node:http';
import https from 'node:https';
import { BlockList, isIP } from 'node:net';
import { Duplex } from 'node:stream';
import { UserError } from '../errors.ts';
import { parseUrl } from '../loopback.ts';

/**
 * The proxy of the environment (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`; small letters too, which win), for every connection of
 * this process: fetch, the agents of node:http, WebSockets. This machine's own addresses are never asked of a proxy.
 */

const NAMES = ['HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY'];
const OWN = ['localhost', '127.0.0.1', '::1', '[::1]'];

/** As Node's agents take it: `HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY`. */
export type ProxyEnv = Record<'HTTP_PROXY' | 'HTTPS_PROXY' | 'NO_PROXY', string>;

let current: ProxyEnv | null = null;

/**
 * What the environment says, made whole for `addresses`, which will be asked; null: no proxy. Throws `UserError` `proxy.invalid` for one that cannot be
 * used.
 */
export function proxyOf(env: NodeJS.ProcessEnv, addresses: readonly string[] = []): ProxyEnv | null {
  const read = (name: string): string => env[name.toLowerCase()]?.trim() || env[name]?.trim() || '';
  const all = read('ALL_PROXY');
  const [http_, https_] = ['HTTP_PROXY', 'HTTPS_PROXY'].map((name) => addressOf(name, read(name) || all));
  if (!http_ && !https_) return null;
  return {
    HTTP_PROXY: http_ ?? '',
    HTTPS_PROXY: https_ ?? '',
    NO_PROXY: withOwn(read('NO_PROXY'), addresses),
  };
}

function withOwn(none: string, addresses: readonly string[]): string {
  if (none === '*') return none;
  const listed = none.split(/[\s,]+/).filter((name) => name !== '');
  return [...new Set([...listed, ...OWN, ...inRanges(listed, addresses)])].join(',');
}

/**
 * Hosts of `addresses` that a range of NO_PROXY leaves out (`10.0.0.0/8`, `10.0.0.1-10.0.0.9`), by their own names: Node's agents, its fetch and what is
 * here each know other ranges, or none. As everywhere, only an address stands in a range; a name is not looked up.
 */
function inRanges(listed: readonly string[], addresses: readonly string[]): string[] {
  const ranges = new BlockList();
  for (const entry of listed) {
    const [, start = '', , prefix, end] =
      /^\[?([\da-f.:]+)\]?(\/(\d{1,3})|-\[?([\da-f.:]+)\]?)$/i.exec(entry) ?? [];
    const version = isIP(start);
    if (version === 0) continue;
    const family = version === 4 ? 'ipv4' : 'ipv6';
    try {
      if (prefix !== undefined) ranges.addSubnet(start, Number(prefix), family);
      else ranges.addRange(start, end!, family);
    } catch {
      // No range: a prefix that is too long, an end before its start.
    }
  }
  return addresses.flatMap((address) => {
    const host = parseUrl(address)?.hostname ?? '';
    const ip = host.replace(/^\[|\]$/g, '');
    const version = isIP(ip);
    return version !== 0 && ranges.check(ip, version === 4 ? 'ipv4' : 'ipv6') ? [...new Set([ip, host])] : [];
  });
}

function addressOf(name: string, value: string): string {
  if (value === '') return '';
  const url = parseUrl(/^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`);
  if (url !== null && ['http:', 'https:'].includes(url.protocol) && url.hostname !== '') return url.href;
  const shown = value.replace(/\/\/[^/]*@/, '//***@');
  throw new UserError(
    'proxy.invalid',
    `${name} (or ALL_PROXY) is ${JSON.stringify(shown)}: pt speaks to http:// and https:// proxies only.`,
    {
      nextSteps: [
        'export HTTPS_PROXY=http://HOST:PORT',
        'Or leave addresses out of it: export NO_PROXY=HOST,.DOMAIN',
      ],
    },
  );
}

/**
 * Has every connection of this process go by the environment's proxy from now on, and tells children which addresses stay off it. `addresses`: what
 * will be asked away from this machine; when that is nothing, a proxy that cannot be used is nobody's business. Throws `UserError`
 * `proxy.invalid`, or `proxy.unsupported` on a Node that cannot.
 */
export function useProxy(env: NodeJS.ProcessEnv, addresses: readonly string[]): void {
  const none = env.no_proxy?.trim() || env.NO_PROXY?.trim() || '';
  if (NAMES.some((name) => env[name] || env[name.toLowerCase()])) {
    // Python and Node children read these; libraries there would ask the proxy for the sandbox on this machine.
    env.NO_PROXY = withOwn(none, addresses);
    env.no_proxy = env.NO_PROXY;
  }
  const proxy = addresses.length > 0 ? proxyOf(env, addresses) : null;
  if (proxy === null || JSON.stringify(proxy) === JSON.stringify(current)) return;
  if (http.setGlobalProxyFromEnv === undefined)
    throw new UserError(
      'proxy.unsupported',
      `HTTPS_PROXY or HTTP_PROXY is set, and Node ${process.versions.node} cannot use it.`,
      {
        nextSteps: [
          'Use the Node that pt brings along (npm install), or Node 24.14 or newer',
          'env -u HTTPS_PROXY -u HTTP_PROXY pt …   # without the proxy',
        ],
      },
    );
  http.setGlobalProxyFromEnv(proxy);
  current = proxy;
}

/** What an agent of node:http needs to go by the proxy. */
export const proxyOptions = (): { proxyEnv?: ProxyEnv } => (current === null ? {} : { proxyEnv: current });

/** For a tunnel that nobody else waits for. */
const TUNNEL_MS = 30_000;

/**
 * An agent for https and wss by tunnels of the proxy, where there is one. Node's own way (`proxyEnv`) doubles its work with every piece in which the
 * proxy's answer comes, until the process dies.
 */
export function secureAgent(options: https.AgentOptions = {}, timeoutMs = TUNNEL_MS): https.Agent {
  const agent = new https.Agent(options);
  if (current === null) return agent;
  const { HTTPS_PROXY: proxy, NO_PROXY: none } = current;
  const direct = agent.createConnection.bind(agent);
  agent.createConnection = (to, done) => {
    const [host, port] = [to.host ?? 'localhost', String(to.port ?? 443)];
    if (proxy === '' || isLeftOut(host, port, none)) return direct(to, done);
    openTunnel(new URL(proxy), `${isIP(host) === 6 ? `[${host}]` : host}:${port}`, timeoutMs).then(
      (socket) => done?.(null, direct({ ...to, socket } as typeof to) as Duplex),
      (error: Error) => done?.(error, new Duplex()),
    );
    return undefined;
  };
  return agent;
}

/**
 * The agent of a WebSocket: a tunnel of the proxy (RFC 6455, 4.1), for `ws:` too, because proxies do not pass an upgrade on; none without a proxy or
 * for an address that is left out of it. A tunnel that is not there after `timeoutMs` is given up.
 */
export function webSocketAgent(address: string, timeoutMs: number): { agent?: http.Agent } {
  if (current === null) return {};
  const { protocol, hostname, host, port } = new URL(address);
  if (protocol === 'wss:') return { agent: secureAgent({}, timeoutMs) };
  const proxy = current.HTTP_PROXY || current.HTTPS_PROXY;
  if (proxy === '' || isLeftOut(hostname, port || '80', current.NO_PROXY)) return {};
  const agent = new http.Agent();
  agent.createConnection = (_, done) => {
    openTunnel(new URL(proxy), port === '' ? `${host}:80` : host, timeoutMs).then(
      (socket) => done?.(null, socket),
      (error: Error) => done?.(error, new Duplex()),
    );
    return undefined;
  };
  return { agent };
}

async function openTunnel(proxy: URL, target: string, timeoutMs: number): Promise<Duplex> {
  const user = [proxy.username, proxy.password].map((part) => decodeURIComponent(part)).join(':');
  const headers = {
    host: target,
    ...(user === ':' ? {} : { 'proxy-authorization': `Basic ${Buffer.from(user).toString('base64')}` }),
  };
  const ask = (proxy.protocol === 'https:' ? https : http).request({
    host: proxy.hostname.replace(/^\[|\]$/g, ''),
    port: proxy.port || (proxy.protocol === 'https:' ? 443 : 80),
    method: 'CONNECT',
    path: target,
    headers,
    agent: false,
  });
  const late = setTimeout(() => ask.destroy(new Error('no tunnel of the proxy in time')), timeoutMs);
  ask.once('close', () => clearTimeout(late));
  return new Promise((resolve, reject) => {
    const refuse = (status: number | undefined) =>
      reject(new Error(`the proxy answers ${status} to CONNECT ${target}`));
    ask.once('connect', ({ statusCode }, socket, head) => {
      clearTimeout(late);
      if (statusCode !== 200) {
        socket.destroy();
        return refuse(statusCode);
      }
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    ask.once('response', ({ statusCode }) => {
      ask.destroy();
      refuse(statusCode);
    });
    ask.once('error', reject);
    ask.end();
  });
}

/** Whether NO_PROXY leaves a host out: `*`, names, `.domain` and `*.domain`, each with or without a port. */
function isLeftOut(host: string, port: string, none: string): boolean {
  return none
    .toLowerCase()
    .split(/[\s,]+/)
    .some((entry) => {
      if (entry === '*' || entry === host || entry === `${host}:${port}`) return true;
      const domain = entry.replace(/^\*/, '');
      return domain.startsWith('.') && (host.endsWith(domain) || `${host}:${port}`.endsWith(domain));
    });
}

/** Said with a connection that failed. */
export const proxySteps = (): string[] =>
  current === null
    ? []
    : [
        'Connections go by the proxy of HTTPS_PROXY and HTTP_PROXY; NO_PROXY=HOST,.DOMAIN leaves addresses out.',
      ];
