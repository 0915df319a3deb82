import { z } from 'zod';
import { PtError } from '../errors.ts';
import { parseUrl } from '../loopback.ts';
import { inParallel } from '../work.ts';
import { type ApiRequest, atEndpoint, type Connection, doingOf, toThrow } from './connection.ts';
import { malformed } from './hub-errors.ts';
import { readJson } from './read-json.ts';
import { pause, retrying, TryAgain } from './retry.ts';
import type { UploadFile } from './types.ts';
import { put } from './wire.ts';

/** Objects asked for in one batch call, and bodies under way at once. */
const BATCH = 100;
const PARALLEL = 4;
/** Signed addresses live for some minutes at the least; a file whose turn comes later than this gets a fresh one. */
const FRESH_MS = 240_000;
const LFS_JSON = { accept: 'application/vnd.git-lfs+json', 'content-type': 'application/vnd.git-lfs+json' };

const Action = z.object({ href: z.url(), header: z.record(z.string(), z.string()).optional() });
const BatchAnswer = z.object({
  objects: z.array(
    z.object({
      oid: z.string(),
      actions: z.object({ upload: Action.optional(), verify: Action.optional() }).optional(),
      error: z.object({ code: z.number(), message: z.string() }).optional(),
    }),
  ),
});
type UploadAction = z.infer<typeof Action>;

export interface LfsUpload {
  repo: string;
  branch: string;
  files: UploadFile[];
  /** `count` bytes of `file` went out; negative when a failed try is taken back from the bar. */
  onBytes: (count: number) => void;
  onPresent: (file: UploadFile) => void;
  signal: AbortSignal;
}

/**
 * Brings every object to the Hub. Each round asks which are missing and sends only those; what failed for a passing reason, or because the
 * store no longer takes its address, is in the next round, under a fresh one. An object gets at most `policy.attempts` rounds.
 */
export async function uploadObjects(connection: Connection, request: LfsUpload): Promise<void> {
  let missing = unique(request.files);
  for (let round = 1; missing.length > 0; round += 1) {
    const failed: UploadFile[] = [];
    let reason: TryAgain | null = null;
    for (let at = 0; at < missing.length; at += BATCH) {
      const actions = await askFor(connection, request, missing.slice(at, at + BATCH));
      const askedAt = performance.now();
      await inParallel(actions, PARALLEL, async ([file, given]) => {
        try {
          const late = performance.now() - askedAt > FRESH_MS;
          const [fresh] = late ? await askFor(connection, request, [file]) : [[file, given] as const];
          if (fresh) await uploadObject(connection, request, file, fresh[1]);
        } catch (error) {
          if (!(error instanceof TryAgain) || round >= connection.policy.attempts)
            throw error instanceof TryAgain ? error.error : error;
          failed.push(file);
          reason = error;
        }
      });
    }
    if (reason) await pause(connection.policy, round, reason, request.signal);
    missing = failed;
  }
}

type Actions = { upload: UploadAction; verify?: UploadAction | undefined };

async function askFor(
  connection: Connection,
  { repo, branch, onPresent, signal }: LfsUpload,
  files: UploadFile[],
): Promise<[UploadFile, Actions][]> {
  const action = `upload to ${repo}`;
  const { value } = await readJson(connection, {
    action,
    repo,
    signal,
    path: `/${repo}.git/info/lfs/objects/batch`,
    method: 'POST',
    headers: LFS_JSON,
    body: {
      operation: 'upload',
      transfers: ['basic', 'multipart'],
      hash_algo: 'sha256',
      ref: { name: branch },
      objects: files.map(({ sha256: oid, size }) => ({ oid, size })),
    },
    schema: BatchAnswer,
  });
  const doing = doingOf(connection, { action, repo });
  const answers = new Map(value.objects.map((object) => [object.oid, object]));
  return files.flatMap((file): [UploadFile, Actions][] => {
    const object = answers.get(file.sha256);
    if (!object) throw malformed(doing, `no word about ${file.path}`);
    if (object.error) {
      const error = toThrow({ status: object.error.code, message: object.error.message }, doing);
      throw error instanceof TryAgain ? error.error : error;
    }
    const { upload, verify } = object.actions ?? {};
    if (upload) return [[file, { upload, verify }]];
    onPresent(file);
    return [];
  });
}

async function uploadObject(
  connection: Connection,
  request: LfsUpload,
  file: UploadFile,
  { upload, verify }: Actions,
): Promise<void> {
  const doing = doingOf(connection, { action: `upload ${file.path}`, repo: request.repo });
  const partSize = upload.header?.chunk_size;
  const call = { ...doing, signal: request.signal };
  if (partSize === undefined) {
    await putCounted(connection, request, file, upload.href, 0, file.size).catch(renewable);
  } else {
    const etags = await uploadParts(connection, request, file, upload.header!, Number(partSize)).catch(
      renewable,
    );
    const parts = etags.map((etag, index) => ({ partNumber: index + 1, etag }));
    await tell(connection, call, upload.href, { oid: file.sha256, parts });
  }
  if (verify) await tell(connection, call, verify.href, { oid: file.sha256, size: file.size });
}

/** Tells the Hub that bytes are with its store, at HF_ENDPOINT, however the Hub calls itself in `href`: the token goes there only. */
async function tell(connection: Connection, call: ApiRequest, href: string, body: unknown): Promise<void> {
  const address = atEndpoint(connection, href);
  if (address === null) throw malformed(doingOf(connection, call), 'an address that is none');
  await readJson(connection, {
    ...call,
    path: address.href,
    method: 'POST',
    headers: LFS_JSON,
    body,
    schema: z.unknown(),
  }).catch(renewable);
}

/**
 * For what a store or the Hub says of an address that was good when it was given: it expired, or the upload that it belongs to is
 * forgotten. A fresh one may do.
 */
function renewable(error: unknown): never {
  const refused =
    error instanceof PtError && ['hub.forbidden', 'hub.refused', 'hub.missing'].includes(error.code);
  throw refused ? new TryAgain(error) : error;
}

/** Sends the parts of a large object, each tried again by itself; returns their tags in order. */
async function uploadParts(
  connection: Connection,
  request: LfsUpload,
  file: UploadFile,
  header: Record<string, string>,
  partSize: number,
): Promise<string[]> {
  const doing = doingOf(connection, { action: `upload ${file.path}`, repo: request.repo });
  const urls = Object.keys(header)
    .filter((key) => /^\d+$/.test(key))
    .sort((a, b) => Number(a) - Number(b))
    .map((key) => header[key]!);
  if (!Number.isSafeInteger(partSize) || partSize <= 0 || urls.length !== Math.ceil(file.size / partSize))
    throw malformed(doing, 'the parts do not cover the file');
  const etags: string[] = [];
  let sent = 0;
  try {
    await inParallel(urls.keys(), PARALLEL, async (index) => {
      const start = index * partSize;
      const end = Math.min(file.size, start + partSize);
      const headers = await retrying(connection.policy, request.signal, () =>
        putCounted(connection, request, file, urls[index]!, start, end),
      );
      sent += end - start;
      const etag = headers.get('etag');
      if (!etag) throw malformed(doing, 'a part without ETag');
      etags[index] = etag;
    });
  } catch (error) {
    // The parts begin anew, under other addresses.
    request.onBytes(-sent);
    throw error;
  }
  return etags;
}

/** One PUT whose bytes leave the bar again when it fails. */
async function putCounted(
  connection: Connection,
  request: LfsUpload,
  file: UploadFile,
  href: string,
  start: number,
  end: number,
): Promise<Headers> {
  let counted = 0;
  const doing = doingOf(connection, { action: `upload ${file.path}`, repo: request.repo });
  try {
    const url = parseUrl(href);
    if (url === null) throw malformed(doing, 'an address that is none');
    return await put(connection, doing, {
      url,
      size: end - start,
      source: file.open(start, end),
      onBytes: (count) => {
        counted += count;
        request.onBytes(count);
      },
      signal: request.signal,
    });
  } catch (error) {
    request.onBytes(-counted);
    throw error;
  }
}

const unique = (files: UploadFile[]): UploadFile[] => [
  ...new Map(files.map((file) => [file.sha256, file])).values(),
];
