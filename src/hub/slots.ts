/** A few buffers that all files of a download share: they bound its memory and its connections. */
export interface Slots {
  /** Waits for a buffer, first come first served. */
  acquire(): Promise<Buffer>;
  /** A buffer when one is free right now. */
  tryAcquire(): Buffer | null;
  release(buffer: Buffer): void;
}

export const SEGMENT = 8 * 1024 * 1024;

export function makeSlots(count: number): Slots {
  const free: Buffer[] = [];
  const waiting: ((buffer: Buffer) => void)[] = [];
  let made = 0;
  const take = (): Buffer | null => {
    const buffer = free.pop();
    if (buffer) return buffer;
    if (made >= count) return null;
    made += 1;
    return Buffer.allocUnsafeSlow(SEGMENT);
  };
  return {
    tryAcquire: () => (waiting.length > 0 ? null : take()),
    acquire() {
      const buffer = take();
      return buffer ? Promise.resolve(buffer) : new Promise((resolve) => waiting.push(resolve));
    },
    release(buffer) {
      const next = waiting.shift();
      if (next) next(buffer);
      else free.push(buffer);
    },
  };
}
