import { type Connection, doingOf } from './connection.ts';
import { malformed } from './hub-errors.ts';
import { checkFilePath, checkRepo, checkRevision, encodePath } from './names.ts';
import { watchRate } from './rate.ts';
import { retrying } from './retry.ts';
import { asFailure, get } from './wire.ts';

/** A range is read into memory: headers, configs, never weights. */
const MAX_RANGE = 128 * 1024 * 1024;

/** Bytes [start, end) of a file; fewer when the file ends before `end`. */
export async function readRange(
  connection: Connection,
  repo: string,
  revision: string,
  path: string,
  [start, end]: [number, number],
): Promise<Uint8Array> {
  if (
    !Number.isSafeInteger(start) ||
    !Number.isSafeInteger(end) ||
    start < 0 ||
    end < start ||
    end - start > MAX_RANGE
  )
    throw new RangeError(`not a range: ${start}-${end}`);
  const url = fileUrl(connection, repo, revision, path);
  if (start === end) return new Uint8Array();
  const doing = doingOf(connection, { action: `read ${path} of ${repo}`, repo, reads: true });
  const { signal } = new AbortController();
  return await retrying(connection.policy, undefined, async () => {
    const { status, headers, body } = await get(connection, doing, {
      url,
      headers: { range: `bytes=${start}-${end - 1}` },
      signal,
    });
    try {
      const first =
        status === 206 ? Number(/^bytes (\d+)-/.exec(headers.get('content-range') ?? '')?.[1]) : 0;
      // A server without ranges sends the whole file: take what was asked for and hang up.
      const skip = start - first;
      if (!(skip >= 0)) throw malformed(doing, 'another range than was asked for');
      const buffer = Buffer.alloc(end - start);
      let position = -skip;
      const tooSlow = watchRate(connection.policy.idleMs);
      for await (const chunk of body as AsyncIterable<Buffer>) {
        if (tooSlow(chunk.length)) throw new Error('too slow');
        const from = Math.max(0, -position);
        if (from < chunk.length && position + from < buffer.length) chunk.copy(buffer, position + from, from);
        position += chunk.length;
        if (position >= buffer.length) break;
      }
      return new Uint8Array(buffer.subarray(0, Math.max(0, Math.min(position, buffer.length))));
    } catch (cause) {
      throw asFailure(cause, doing, signal);
    } finally {
      body.destroy();
    }
  });
}

/** The address of a file's content; every part is checked and encoded. */
export function fileUrl(connection: Connection, repo: string, revision: string, path: string): URL {
  checkRepo(repo);
  checkRevision(revision);
  checkFilePath(path);
  return new URL(`${connection.base}/${repo}/resolve/${encodeURIComponent(revision)}/${encodePath(path)}`);
}
