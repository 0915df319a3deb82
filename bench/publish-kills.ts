/** `npm run bench -- publish-kills [KILLS]`: kill -9 at random moments of a publish, resumed each time; how many end as they must. */
import { killPublishes } from '../test/publish/kill-harness.ts';

const kills = Number(process.argv.find((arg) => /^\d+$/.test(arg)) ?? 200);
const report = await killPublishes(kills, ({ kills: hit, publishes, wrong }) => {
  process.stderr.write(`${hit} kills, ${publishes} publishes, ${wrong.length} wrong\n`);
});
for (const line of report.wrong) process.stderr.write(`${line}\n`);
process.stdout.write(
  `${JSON.stringify({
    bench: 'publish-kills',
    metric: `consistent publishes after ${report.kills} kills`,
    value: report.consistent,
    unit: `of ${report.publishes}`,
    rival: null,
    ratio: null,
  })}\n`,
);
process.exit(report.wrong.length === 0 ? 0 : 1);
