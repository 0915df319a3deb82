import { createHash } from 'node:crypto';

/** A sha256 under way, and how many bytes it has taken. */
export class Tally {
  bytes = 0;
  readonly #hash = createHash('sha256');

  update(chunk: Uint8Array): void {
    this.#hash.update(chunk);
    this.bytes += chunk.length;
  }

  /** In hex, of what it has taken so far. */
  sha256(): string {
    return this.#hash.copy().digest('hex');
  }
}
