import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Context } from './context.ts';
import { HubError } from './hub-error.ts';

const LIFETIME_S = 3600;

/** An address that carries its own permission, as object stores give out: path, expiry and a keyed hash of both. */
export function signUrl(
  base: string,
  path: string,
  secret: Buffer,
  query: Record<string, string> = {},
): string {
  const url = new URL(path, base);
  for (const [key, value] of Object.entries(query)) url.searchParams.set(key, value);
  url.searchParams.set('expires', String(Math.floor(Date.now() / 1000) + LIFETIME_S));
  url.searchParams.set('signature', signatureOf(url, secret));
  return url.href;
}

/** Throws 403 unless the address was signed here and has not expired, 400 when a token comes with it. */
export function checkSignature({ url, store: { secret }, request }: Context, tokenAllowed = false): void {
  // Real object stores refuse a signed address together with a token; so a client that leaks it there is noticed.
  if (request.headers.authorization !== undefined && !tokenAllowed)
    throw new HubError(400, 'Only one auth mechanism allowed: signed address or Authorization header');
  const copy = new URL(url);
  const given = Buffer.from(copy.searchParams.get('signature') ?? '');
  copy.searchParams.delete('signature');
  const expected = Buffer.from(signatureOf(copy, secret));
  if (given.length !== expected.length || !timingSafeEqual(given, expected))
    throw new HubError(403, 'The request signature we calculated does not match the signature you provided.');
  if (Number(copy.searchParams.get('expires')) < Date.now() / 1000)
    throw new HubError(403, 'Request has expired');
}

const signatureOf = (url: URL, secret: Buffer): string =>
  createHmac('sha256', secret).update(`${url.pathname}?${url.searchParams}`).digest('hex');
