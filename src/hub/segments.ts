import { type Connection, doingOf } from './connection.ts';
import type { FileRequest } from './download-file.ts';
import { malformed } from './hub-errors.ts';
import { fileUrl } from './range.ts';
import { watchRate } from './rate.ts';
import { retrying } from './retry.ts';
import { SEGMENT } from './slots.ts';
import { asFailure, get } from './wire.ts';

interface Segment {
  start: number;
  end: number;
  buffer: Buffer;
  /** Bytes of `buffer` that are here. */
  filled: number;
  done: Promise<void>;
}

/**
 * Fetches bytes [from, size) of a file in several ranges at once and hands them on in order. When it fails, what is there in order is handed
 * on first, so that the next run goes on from it.
 */
export async function fetchInOrder(
  connection: Connection,
  request: FileRequest,
  from: number,
  take: (bytes: Buffer) => Promise<void>,
): Promise<void> {
  const { file, slots, signal: outer } = request;
  const controller = new AbortController();
  const signal = AbortSignal.any([outer, controller.signal]);
  const place: Place = { url: fileUrl(connection, request.repo, request.revision, file.path) };
  const queue: Segment[] = [];
  let next = from;
  const launch = (buffer: Buffer): void => {
    const segment: Segment = {
      start: next,
      end: Math.min(file.size, next + SEGMENT),
      buffer,
      filled: 0,
      done: Promise.resolve(),
    };
    next = segment.end;
    segment.done = fillSegment(connection, request, place, segment, signal);
    segment.done.catch(() => {}); // its turn to be awaited comes
    queue.push(segment);
  };
  try {
    while (next < file.size || queue.length > 0) {
      if (queue.length === 0) launch(await slots.acquire());
      for (let buffer = next < file.size ? slots.tryAcquire() : null; buffer; ) {
        launch(buffer);
        buffer = next < file.size ? slots.tryAcquire() : null;
      }
      const head = queue[0]!;
      try {
        await head.done;
      } finally {
        await take(head.buffer.subarray(0, head.filled));
      }
      slots.release(head.buffer);
      queue.shift();
    }
  } finally {
    controller.abort();
    for (const segment of queue) {
      await segment.done.catch(() => {});
      slots.release(segment.buffer);
    }
  }
}

/** Where the bytes come from: the Hub's address, and the object store's once the Hub has named it. */
interface Place {
  url: URL;
  final?: URL;
}

async function fillSegment(
  connection: Connection,
  request: FileRequest,
  place: Place,
  segment: Segment,
  signal: AbortSignal,
): Promise<void> {
  const { file, repo, tell } = request;
  const doing = doingOf(connection, { action: `download ${file.path} of ${repo}`, repo, reads: true });
  const length = segment.end - segment.start;
  await retrying(connection.policy, signal, async () => {
    const at = segment.start + segment.filled;
    const isWhole = at === 0 && segment.end === file.size;
    const known = place.final;
    const got = await get(connection, doing, {
      url: known ?? place.url,
      signal,
      ...(isWhole ? {} : { headers: { range: `bytes=${at}-${segment.end - 1}` } }),
    }).catch((error: unknown) => {
      // A signed address lives for a while only: ask the Hub again, once.
      if (known === undefined) throw error;
      delete place.final;
      return get(connection, doing, {
        url: place.url,
        signal,
        ...(isWhole ? {} : { headers: { range: `bytes=${at}-${segment.end - 1}` } }),
      });
    });
    if (got.url.origin !== connection.endpoint.origin) place.final = got.url;
    try {
      if (!isWhole) {
        const [, first, total] =
          /^bytes (\d+)-\d+\/(\d+)$/.exec(got.headers.get('content-range') ?? '') ?? [];
        if (got.status !== 206 || Number(first) !== at)
          throw malformed(doing, 'another range than was asked for');
        if (Number(total) !== file.size) throw request.wrongSize();
      }
      const tooSlow = watchRate(connection.policy.idleMs);
      for await (const chunk of got.body as AsyncIterable<Buffer>) {
        if (tooSlow(chunk.length)) throw new Error('too slow');
        if (segment.filled + chunk.length > length) throw request.wrongSize();
        chunk.copy(segment.buffer, segment.filled);
        segment.filled += chunk.length;
        tell(chunk.length, true);
      }
      if (segment.filled < length) throw new Error('the answer ended early');
    } catch (cause) {
      throw asFailure(cause, doing, signal);
    } finally {
      got.body.destroy();
    }
  });
}
