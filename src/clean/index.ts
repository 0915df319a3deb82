/** What pt keeps on this machine that can be had again: how large it is, whether somebody uses it, and freed when asked. */
export { freeKept } from './free.ts';
export { listKept } from './list.ts';
export type { Kept } from './types.ts';
