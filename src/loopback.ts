import { BlockList, isIP } from 'node:net';

/** Whether an address (`http://…`, `wss://…`) is on this machine, told from the name alone: nothing is looked up. */
export function isLoopback(address: string | URL): boolean {
  const host = (typeof address === 'string' ? parseUrl(address) : address)?.hostname ?? '';
  return host === 'localhost' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}

const INSIDE = new BlockList();
for (const [net, prefix] of [
  ['127.0.0.0', 8],
  ['0.0.0.0', 8],
  ['169.254.0.0', 16],
] as const)
  INSIDE.addSubnet(net, prefix);
for (const [net, prefix] of [
  ['::', 127],
  ['fe80::', 10],
] as const)
  INSIDE.addSubnet(net, prefix, 'ipv6');

/**
 * Whether an address that a stranger names leads to this machine, in any spelling, or to what answers on its link alone (a cloud's metadata,
 * 169.254.169.254). Wider than `isLoopback`, which allows; this one is for refusing.
 */
export function leadsInside(url: URL): boolean {
  const host = url.hostname.replace(/^\[|\]$|\.$/g, '');
  const version = isIP(host);
  if (version !== 0) return INSIDE.check(host, version === 4 ? 'ipv4' : 'ipv6');
  return host === 'localhost' || host.endsWith('.localhost');
}

/** `URL.parse`, which Node 20 has not. */
export const parseUrl = (text: string, base?: string): URL | null =>
  URL.canParse(text, base) ? new URL(text, base) : null;
