/** The sandbox's stand-in validator. */
export { judge } from './judge.ts';
