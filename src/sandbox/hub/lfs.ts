import { createHash, type Hash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Context } from './context.ts';
import { readable, repoType, writable } from './context.ts';
import { HubError } from './hub-error.ts';
import { checkSignature, signUrl } from './signed-url.ts';
import type { Repo } from './types.ts';

const LFS_JSON = { 'Content-Type': 'application/vnd.git-lfs+json' };
const OID = /^[0-9a-f]{64}$/;
export const DEFAULT_MULTIPART = { threshold: 5e9, partSize: 512 * 1024 * 1024 };

/** Says how to send (or fetch) each object: nothing to do when it is here, one PUT, or several with a completion call. */
export async function batch(context: Context): Promise<void> {
  const body = (await context.json()) as { operation?: string; objects?: unknown; transfers?: string[] };
  const upload = body.operation === 'upload';
  const repo = upload ? writable(context) : readable(context);
  if (!Array.isArray(body.objects)) throw new HubError(422, '"objects" is required');
  const multipart = body.transfers?.includes('multipart') ?? false;
  const objects = body.objects.map((object: { oid?: unknown; size?: unknown }) => {
    const { oid, size } = object;
    if (typeof oid !== 'string' || !OID.test(oid) || !Number.isSafeInteger(size) || (size as number) < 0)
      return { oid, size, error: { code: 422, message: 'Invalid object' } };
    const present = context.store.hasObject(repo, oid);
    if (!upload) {
      return present
        ? { oid, size, actions: { download: { href: objectUrl(context, repo, oid) } } }
        : { oid, size, error: { code: 404, message: 'Object does not exist' } };
    }
    return present
      ? { oid, size }
      : { oid, size, actions: uploadActions(context, repo, oid, size as number, multipart) };
  });
  const wanted = objects.reduce((sum, object) => sum + ('actions' in object ? Number(object.size) : 0), 0);
  checkSpace(context, upload ? wanted : 0);
  await context.sendJson({ transfer: 'basic', objects }, LFS_JSON);
}

/** A whole object by one PUT: hashed while it is written, kept only when the hash is its name. */
export async function put(context: Context): Promise<void> {
  const { repo, oid, size } = signedTarget(context);
  checkSpace(context, size);
  const temp = context.store.tempFile();
  const hash = createHash('sha256');
  const received = await receive(context, temp, hash);
  const digest = hash.digest('hex');
  if (received !== size || digest !== oid) {
    rmSync(temp, { force: true });
    throw new HubError(
      400,
      `The content does not have the announced size and SHA-256 (${received} bytes, ${digest})`,
    );
  }
  context.store.adoptObject(repo, oid, temp);
  await context.send(200, { ETag: `"${oid}"` });
}

/** One part of a large object. */
export async function part(context: Context): Promise<void> {
  const { size } = signedTarget(context);
  checkSpace(context, size);
  const { upload, number } = context.params;
  const folder = context.store.tempFile(`upload-${upload}`);
  if (!existsSync(folder)) throw new HubError(404, 'The specified upload does not exist', 'NoSuchUpload');
  const temp = context.store.tempFile();
  const hash = createHash('md5');
  const received = await receive(context, temp, hash);
  if (received !== size) {
    rmSync(temp, { force: true });
    throw new HubError(400, `Expected a part of ${size} bytes, got ${received}`);
  }
  const etag = hash.digest('hex');
  for (const old of readdirSync(folder).filter((name) => name.startsWith(`${number}-`)))
    rmSync(join(folder, old));
  renameSync(temp, join(folder, `${number}-${etag}`));
  await context.send(200, { ETag: `"${etag}"` });
}

/** Joins the parts into the object; calling it again after success is fine. */
export async function complete(context: Context): Promise<void> {
  const body = (await context.json()) as { parts?: { partNumber: number; etag: string }[] };
  const { repo, oid, size } = signedTarget(context);
  if (!context.store.hasObject(repo, oid)) {
    const folder = context.store.tempFile(`upload-${context.params.upload}`);
    if (!existsSync(folder)) throw new HubError(404, 'The specified upload does not exist', 'NoSuchUpload');
    const parts = [...(body.parts ?? [])].sort((a, b) => a.partNumber - b.partNumber);
    const files = parts.map(({ partNumber, etag }) =>
      join(folder, `${partNumber}-${String(etag).replace(/[^0-9a-f]/g, '')}`),
    );
    if (files.length === 0 || !files.every((file) => existsSync(file)))
      throw new HubError(400, 'One or more of the specified parts could not be found', 'InvalidPart');
    const temp = context.store.tempFile();
    const { digest, bytes } = await concatenate(files, temp);
    if (digest !== oid || bytes !== size) {
      rmSync(temp, { force: true });
      throw new HubError(400, 'The parts do not make up the announced object');
    }
    context.store.adoptObject(repo, oid, temp);
    rmSync(folder, { recursive: true, force: true });
  }
  await context.sendJson({ success: true }, LFS_JSON);
}

export async function verify(context: Context): Promise<void> {
  const body = (await context.json()) as { oid?: string; size?: number };
  const repo = writable(context);
  if (!OID.test(String(body.oid)) || !context.store.hasObject(repo, body.oid!))
    throw new HubError(404, 'Object does not exist');
  if (context.store.objectSize(repo, body.oid!) !== body.size) throw new HubError(400, 'Wrong size');
  await context.sendJson({ success: true }, LFS_JSON);
}

/** A signed address of an object's bytes, good without a token. */
export function objectUrl(context: Context, repo: Repo, oid: string, fileName?: string): string {
  return signUrl(
    context.objectsOrigin,
    `/_objects/cdn/${repo.type}s/${repo.id}/${oid}`,
    context.store.secret,
    fileName === undefined ? {} : { filename: fileName },
  );
}

function uploadActions(context: Context, repo: Repo, oid: string, size: number, multipart: boolean) {
  const prefix = repo.type === 'model' ? '' : `${repo.type}s/`;
  const verify = { href: `${context.base}/${prefix}${repo.id}.git/info/lfs/objects/verify` };
  const sign = (kind: string, bytes: number, origin = context.objectsOrigin) =>
    signUrl(origin, `/_objects/${kind}`, context.store.secret, { size: String(bytes) });
  const target = `${repo.type}s/${repo.id}/${oid}`;
  const { threshold, partSize } = context.options.multipart ?? DEFAULT_MULTIPART;
  if (!multipart || size < threshold) return { upload: { href: sign(`put/${target}`, size) }, verify };

  const upload = randomBytes(12).toString('hex');
  mkdirSync(context.store.tempFile(`upload-${upload}`), { mode: 0o700 });
  const header: Record<string, string> = { chunk_size: String(partSize) };
  const count = Math.ceil(size / partSize);
  for (let n = 1; n <= count; n += 1) {
    const bytes = Math.min(partSize, size - (n - 1) * partSize);
    header[String(n).padStart(5, '0')] = sign(`part/${target}/${upload}/${n}`, bytes);
  }
  return { upload: { href: sign(`complete/${target}/${upload}`, size, context.base), header }, verify };
}

function signedTarget(context: Context): { repo: Repo; oid: string; size: number } {
  checkSignature(context, context.params.upload !== undefined && context.params.number === undefined);
  const { namespace, name, oid } = context.params;
  const repo = context.store.find(repoType(context), `${namespace}/${name}`);
  if (!repo) throw new HubError(404, 'The repository is gone');
  return { repo, oid: oid!, size: Number(context.url.searchParams.get('size')) };
}

function checkSpace(context: Context, bytes: number): void {
  const limit = context.options.spaceBytes;
  if (limit !== undefined && bytes > 0 && context.store.used() + bytes > limit)
    throw new HubError(507, 'Storage limit reached: free some space or upgrade your plan');
}

async function receive(context: Context, file: string, hash: Hash): Promise<number> {
  const out = createWriteStream(file, { mode: 0o600, highWaterMark: 4 * 1024 * 1024 });
  // A client that goes away leaves writes under way that fail after the loop has; `once` reports all others.
  out.on('error', () => {});
  let received = 0;
  try {
    for await (const chunk of context.body()) {
      received += chunk.length;
      hash.update(chunk);
      if (!out.write(chunk)) await once(out, 'drain');
    }
    out.end();
    await once(out, 'finish');
  } catch (error) {
    out.destroy();
    rmSync(file, { force: true });
    throw error;
  }
  return received;
}

async function concatenate(files: string[], target: string): Promise<{ digest: string; bytes: number }> {
  const hash = createHash('sha256');
  const out = createWriteStream(target, { mode: 0o600 });
  let bytes = 0;
  for (const file of files) {
    for await (const chunk of createReadStream(file, {
      highWaterMark: 1024 * 1024,
    }) as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      hash.update(chunk);
      if (!out.write(chunk)) await once(out, 'drain');
    }
  }
  out.end();
  await once(out, 'finish');
  return { digest: hash.digest('hex'), bytes };
}
