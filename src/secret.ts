import { inspect } from 'node:util';
import { parseUrl } from './loopback.ts';

/**
 * What is secret, and how it is kept out of everything that is shown or written: the one home of both.
 *
 * 1. The value of every `Secret` ever made, wherever it came from (environment, `.env`, token file, prompt, sandbox), of every environment
 *    variable whose name ends in TOKEN, KEY (but HOTKEY), SECRET or PASSWORD, and of the keys in the addresses that settings name; plain, as part of
 *    an address and as JSON. Values shorter than six characters are not looked for: they are ordinary words.
 * 2. What looks like an access token (`hf_…`, `sk-…`).
 * 3. In every address: user and password, values of the query whose name or form is a key's, and segments of the path that look like a
 *    key. Of a `ws://` or `wss://` address the whole path and query: nodes take their keys there, in any form.
 */

/** What stands in the place of a secret. */
export const MASK = '***';
const SHORTEST = 6;

const known = new Set<string>();

/** A token or password that cannot be printed by accident: only `reveal()` gives it out, and `mask` knows it. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
    know(value);
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return MASK;
  }

  toJSON(): string {
    return MASK;
  }

  [inspect.custom](): string {
    return MASK;
  }
}

function know(value: string): void {
  if (value.length < SHORTEST) return;
  for (const form of [value, encodeURIComponent(value.toWellFormed()), JSON.stringify(value).slice(1, -1)])
    known.add(form);
}

/**
 * Makes the secrets of an environment known by the names of their variables; a path is none (`HF_TOKEN_PATH`, `SSL_KEY=/…`), nor are what a
 * hotkey is called (`PT_WALLET_HOTKEY=default`) and public keys.
 */
export function knowEnvironment(env: Record<string, string | undefined>): void {
  for (const [name, value = ''] of Object.entries(env)) if (holdsSecret(name, value)) know(value.trim());
}

const holdsSecret = (name: string, value: string): boolean =>
  /(TOKEN|(?<!HOT|PUB|PUBLIC_?)KEY|SECRET|PASSWORD)$/i.test(name) && !/^[~./]/.test(value);

/** The variables that hold a secret, by their name or by what is in them: what a child that needs none is not given. */
export const secretVariables = (env: Record<string, string | undefined>): string[] =>
  Object.entries(env)
    .filter(([name, value = '']) => holdsSecret(name, value) || mask(value) !== value)
    .map(([name]) => name);

/** An environment for a child that needs no secret. */
export function withoutSecrets(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const secret = new Set(secretVariables(env));
  return Object.fromEntries(Object.entries(env).filter(([name]) => !secret.has(name)));
}

/** Makes the keys in an address known, so that they are masked without the rest of it too (`GET /v1/KEY failed`). */
export function knowAddress(address: string): void {
  const url = parseUrl(address);
  if (url === null) return;
  const inPath = url.pathname.split('/').filter((part) => part.length >= 16 && !/^[a-z]+$/i.test(part));
  for (const part of [url.password, ...inPath, ...queryKeys(url)]) know(decode(part));
}

/** `text` without the secrets in it (see above). */
export function mask(text: string): string {
  let shown = text.replace(/\b[a-z][a-z0-9+.-]*:\/\/[^\s"'`<>\\]+/gi, maskAddress);
  for (const secret of [...known].sort((a, b) => b.length - a.length)) shown = shown.replaceAll(secret, MASK);
  return shown.replace(/\b(hf_|api_org_|sk-|ghp_)[A-Za-z0-9_-]{6,}/g, `$1${MASK}`);
}

/** `value` with every string in it masked, however deep. */
export function maskAll<Value>(value: Value): Value {
  const walk = (inner: unknown): unknown => {
    if (typeof inner === 'string') return mask(inner);
    if (Array.isArray(inner)) return inner.map(walk);
    if (inner === null || typeof inner !== 'object') return inner;
    // What knows how to be JSON (dates, secrets) stays what it is.
    if ('toJSON' in inner) return inner;
    return Object.fromEntries(Object.entries(inner).map(([key, below]) => [key, walk(below)]));
  };
  return walk(value) as Value;
}

const KEY_NAME = /key|token|secret|pass|auth|sig|credential/i;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Letters and digits without a break, long as no word is. What names content is none: a commit (40 hex digits), a SHA-256 (64). */
const looksLikeKey = (part: string): boolean =>
  UUID.test(part) ||
  (/^[A-Za-z0-9]{24,}$/.test(part) &&
    /\d/.test(part) &&
    /[a-z]/i.test(part) &&
    !/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(part));

const queryKeys = (url: URL): string[] =>
  [...url.searchParams]
    .filter(([name, value]) => KEY_NAME.test(name) || looksLikeKey(value))
    .map(([, value]) => value);

function maskAddress(address: string): string {
  const parts = /^([a-z][a-z0-9+.-]*)(:\/\/)(?:([^/?#]*)@)?([^/?#]*)([^?#]*)(\?[^#]*)?(#.*)?$/is.exec(
    address,
  );
  if (parts === null) return address;
  const [, scheme = '', slashes = '', user, host = '', path = '', query = '', hash = ''] = parts;
  const head = `${scheme}${slashes}${user === undefined ? '' : `${MASK}@`}${host}`;
  if (/^wss?$/i.test(scheme)) {
    // A sentence's own punctuation is not the address's.
    const end = /[.,:;)\]}]*$/.exec(`${path}${query}${hash}`)![0];
    return `${head}${`${path}${query}${hash}`.length - end.length <= 1 ? `${path}${query}${hash}` : `/${MASK}${end}`}`;
  }
  const shownPath = path
    .split('/')
    .map((part) => part.replace(/^[A-Za-z0-9-]+/, (word) => (looksLikeKey(word) ? MASK : word)))
    .join('/');
  const shownQuery = query.replace(/([?&][^=&]*=)([^&]*)/g, (whole, name: string, value: string) =>
    KEY_NAME.test(name) || looksLikeKey(value) ? `${name}${MASK}` : whole,
  );
  return `${head}${shownPath}${shownQuery}${hash}`;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
