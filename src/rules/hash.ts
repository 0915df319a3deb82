/** The content hash and its binding to a hotkey. */
import { createHash } from 'node:crypto';

/** base64(sha256(bytes)): a file's hash. */
export function hashOf(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('base64');
}

/** A file's hash from its sha256 in hex, as the Hub names LFS objects. */
export function hashOfSha256(hex: string): string {
  return Buffer.from(hex, 'hex').toString('base64');
}

/** base64(sha256(concatenated file hashes)), files in `hashOrder`. Names are not hashed. */
export function directoryHash(fileHashes: string[]): string {
  return hashOf(fileHashes.join(''));
}

/** base64(sha256(content hash + hotkey SS58)), no separator: worthless to anyone who copies it. */
export function boundHash(contentHash: string, hotkey: string): string {
  return hashOf(contentHash + hotkey);
}

/** Paths (with `/`) in hashing order: a folder's files before its subfolders, each by code point. */
export function hashOrder(paths: string[]): string[] {
  const split = paths.map((path) => ({ path, parts: path.split('/') }));
  split.sort((a, b) => comparePaths(a.parts, b.parts));
  return split.map(({ path }) => path);
}

function comparePaths(a: string[], b: string[]): number {
  for (let i = 0; ; i++) {
    const aIsFile = i === a.length - 1;
    const bIsFile = i === b.length - 1;
    if (aIsFile !== bIsFile) return aIsFile ? -1 : 1;
    const order = compareCodePoints(a[i]!, b[i]!);
    if (order !== 0 || aIsFile) return order;
  }
}

/** Order by code point; UTF-16 order (`<`) differs from it above U+FFFF. */
export function compareCodePoints(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a, 'utf8'), Buffer.from(b, 'utf8'));
}
