/** What becomes of a run's best model: checked, forecast, published, shown. */
export { checkBest, trainedUnder } from './check-best.ts';
export { keepForecastOf } from './keep-forecast.ts';
export { brokenNotice, endedNotice, publishNotices } from './notices.ts';
export { beginRun, type ReadyRun, resumeRun, type TrainOrder } from './prepare.ts';
export { publishBest, type RunPublish, rehearseBest } from './publish-best.ts';
export { publishModel } from './publish-model.ts';
export { type ForecastPublisher, openForecastPublisher } from './publish-on-forecast.ts';
export { openRunPages, type RunPages } from './run-pages.ts';
export { seenGains } from './seen-gains.ts';
