/** People told of what happened, by webhook: one JSON object, or a chat's own form of it. Nothing waits for it longer than it may. */
export { type Notice, type Notifier, openNotifier } from './notifier.ts';
export { type Standing, standingNotices } from './standing.ts';
export { parseTarget } from './target.ts';
