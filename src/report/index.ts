/** What people look at: the page of a run, the same page live, the page of the subnet. */

export { DASHBOARD_PORT, type Dashboard, openDashboard } from './dashboard.ts';
export { keepForecast, readLosses } from './forecast-file.ts';
export { writePage, writeRunReport } from './write-report.ts';
export { type SubnetFacts, writeSubnetPage } from './write-subnet-page.ts';
