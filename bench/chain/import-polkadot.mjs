// What importing polkadot.js costs, for comparison.
const startedAt = performance.now();
await import('@polkadot/api');
const { user, system } = process.cpuUsage();
console.log(
  JSON.stringify({
    job: (performance.now() - startedAt) / 1000,
    cpu: (user + system) / 1e6,
    rss: process.resourceUsage().maxRSS / 1024,
  }),
);
process.exit(0);
