import { open } from 'node:fs/promises';

const CHUNK = 1 << 20;
/** A line longer than this is not ours. */
const LONGEST = 1 << 20;

export interface LineFollower {
  /**
   * Hands every whole line written since the last call to `take`; a line that is still being written (or was torn by a kill) waits.
   * When the file was replaced or cut, everything handed out before is void: `restart` is called, and its lines come anew. A missing
   * file is an empty one.
   */
  read(take: (line: string) => void, restart: () => void): Promise<void>;
}

/** Reads a growing file of lines, each time from where it stopped. */
export function followLines(path: string): LineFollower {
  let offset = 0;
  let inode: number | null = null;
  return {
    async read(take, restart) {
      const file = await open(path, 'r').catch(() => null);
      if (file === null) return;
      try {
        const { ino, size } = await file.stat();
        if (inode !== null && (ino !== inode || size < offset)) {
          offset = 0;
          restart();
        }
        inode = ino;
        const buffer = Buffer.allocUnsafe(CHUNK);
        let rest = Buffer.alloc(0);
        // Up to the size seen now: a writer faster than us must not keep us here.
        for (let at = offset; at < size; ) {
          const { bytesRead } = await file.read(buffer, 0, Math.min(CHUNK, size - at), at);
          if (bytesRead === 0) break;
          at += bytesRead;
          let text = Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
          const end = text.lastIndexOf(0x0a);
          if (end >= 0) {
            for (const line of text.toString('utf8', 0, end).split('\n')) if (line !== '') take(line);
            offset += end + 1;
            text = text.subarray(end + 1);
          }
          if (text.length > LONGEST) {
            offset += text.length;
            text = text.subarray(text.length);
          }
          rest = Buffer.from(text);
        }
      } finally {
        await file.close();
      }
    },
  };
}
