/** Bytes a second below which a body counts as standing still. */
const SLOWEST = 1024;

/** Tells from the sizes of what comes whether a whole window of time brought too little: drops that keep a connection alive are no download. */
export function watchRate(windowMs: number): (bytes: number) => boolean {
  let begun = performance.now();
  let came = 0;
  return (bytes) => {
    came += bytes;
    const passed = performance.now() - begun;
    if (passed < windowMs) return false;
    const slow = came < (SLOWEST * passed) / 1000;
    begun = performance.now();
    came = 0;
    return slow;
  };
}
