/** What `git clone` leaves in the place of a large file where Git LFS is not installed. */

const FIRST_LINE = Buffer.from('version https://git-lfs.github.com/spec/v1');

/** A pointer is a few short lines; a file larger than this is none. */
export const MAX_POINTER_BYTES = 1024;

/** Whether a file's first bytes are those of a pointer. */
export function isLfsPointer(start: Uint8Array): boolean {
  return Buffer.from(start.buffer, start.byteOffset, start.byteLength)
    .subarray(0, FIRST_LINE.length)
    .equals(FIRST_LINE);
}

/** What to say of one. */
export const LFS_POINTER =
  'is a Git LFS pointer and not the file itself; `git lfs pull` in the clone fetches it, or download the repository again';
