/** What people look at: the page of a run, the same page live, the page of the subnet. */

export { DASHBOARD_PORT, openDashboard } from './dashboard.ts';
export { keepForecast, readForecast } from './forecast-file.ts';
export { keepMerge, readMergeOf } from './merge-file.ts';
export { writeMergeReport } from './write-merge-report.ts';
export { writeRunReport } from './write-report.ts';
export { writeSubnetPage } from './write-subnet-page.ts';
