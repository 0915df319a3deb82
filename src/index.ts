/**
 * The toolbox for people with a training loop of their own: models are folders, everything is verified, nothing prints or exits.
 *
 * ```ts
 * import { graph, mining } from 'pretrain-miner';
 * const uid = await graph.bestUid({ network: 'sandbox' });
 * const best = await mining.loadRemoteModel({ uid, downloadDir: 'best', network: 'sandbox' });
 * // … train …
 * await mining.push({ dir: 'mine', repo: 'me/model', wallet: { name: 'default', hotkey: 'default' } });
 * ```
 */
export * as graph from './api/graph.ts';
export * as mining from './api/mining.ts';
export type { NetworkOptions, WalletOptions } from './api/options.ts';
export * from './errors.ts';
export * as model from './model/index.ts';
export { finish, type Progress, type Work } from './progress.ts';
export * as rules from './rules/index.ts';
