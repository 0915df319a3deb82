// The attack suite: `npm run test:hostile [-- --seed N] [--count N] [--only AREA]`. It runs the tests that attack, in a longer form than `npm test`
// does, and closes with a table of what held. A failure prints the smallest input, the seed, and the command that brings it again.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';

/** What attacks whom, and in which tests. */
const AREAS = {
  node: [
    ...['answers', 'untrusted-json', 'lying-metadata', 'metadata-cache', 'newer-commitment', 'commit-faults'],
    ...['connect', 'limit', 'drip'],
  ]
    .map((name) => `test/chain/${name}.test.ts`)
    .concat('test/publish/limit.test.ts'),
  hub: [
    ...['field', 'faults', 'strangers', 'parsers', 'download'].map((name) => `test/hub/${name}.test.ts`),
    'test/publish/faults.test.ts',
    'test/publish/rights.test.ts',
    'test/runs/standing.test.ts',
    'test/host/proxy.test.ts',
  ],
  kills: [
    'test/publish/kills.test.ts',
    'test/hub/kill.test.ts',
    'test/bridge/ends.test.ts',
    'test/host/lock.test.ts',
    'test/sandbox/chain/durable.test.ts',
    'test/sandbox/hub/durability.test.ts',
    'test/end-to-end/long-jobs.test.ts',
  ],
  parsers: [
    'test/model/header-reference.test.ts',
    'test/model/header.test.ts',
    'test/check/hostile-config.test.ts',
    'test/text/strict-json.test.ts',
    'test/rules/commitment.test.ts',
    'test/settings/hostile-settings.test.ts',
    'test/settings/dotenv.test.ts',
    'test/training/hostile-run.test.ts',
    'test/publish/journal.test.ts',
    'test/chain/wallet/open.test.ts',
    'test/chain/hostile-metadata.test.ts',
  ],
};

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Math.trunc(Math.random() * 2 ** 31)) },
    count: { type: 'string', default: '10' },
    only: { type: 'string', multiple: true, default: Object.keys(AREAS) },
  },
});
const whole = (name, most) => {
  if (/^\d+$/.test(values[name]) && Number(values[name]) <= most) return Number(values[name]);
  return usage(`--${name} ${values[name]}: must be a whole number up to ${most}.`);
};
const seed = whole('seed', 2 ** 31 - 1);
const times = whole('count', 100_000) || usage('--count 0: must be at least 1.');
const unknown = values.only.find((area) => !(area in AREAS));
if (unknown !== undefined) usage(`--only ${unknown}: must be one of ${Object.keys(AREAS).join(', ')}.`);

const folder = mkdtempSync(join(tmpdir(), 'pt-hostile-'));
const results = join(folder, 'attacks.jsonl');
const report = join(folder, 'vitest.json');
const rows = [];
let failed = false;
for (const area of values.only) {
  rmSync(results, { force: true });
  rmSync(report, { force: true });
  const { status } = spawnSync(
    process.execPath,
    [
      ...['node_modules/vitest/vitest.mjs', 'run', '--reporter=default', '--reporter=json', '--retry=0'],
      ...[`--outputFile.json=${report}`, ...AREAS[area]],
    ],
    {
      stdio: 'inherit',
      env: {
        ...process.env,
        ...{ ATTACK_SEED: String(seed), ATTACK_TIMES: String(times), ATTACK_RESULTS: results },
      },
    },
  );
  if (status !== 0) failed = true;
  rows.push(...casesOf(area), ...testsOf(area));
}
rmSync(folder, { recursive: true, force: true });

const today = new Date().toISOString().slice(0, 10);
console.log(`\n${today}, seed ${seed}, --count ${times} (times the short form of \`npm test\`):\n`);
console.log('| against | attack | held |\n| --- | --- | --- |');
for (const { area, what, held, tried } of rows) console.log(`| ${area} | ${what} | ${held} of ${tried} |`);
console.log(failed ? '\nNot all held: see above.' : '\nAll held.');
process.exitCode = failed ? 1 : 0;

/** Generated input, by attack. */
function casesOf(area) {
  if (!existsSync(results)) return [];
  const sums = new Map();
  for (const line of readFileSync(results, 'utf8').trim().split('\n')) {
    const { what, held, tried } = JSON.parse(line);
    const sum = sums.get(what) ?? { area, what, held: 0, tried: 0 };
    sums.set(what, { ...sum, held: sum.held + held, tried: sum.tried + tried });
  }
  return [...sums.values()];
}

/** Attacks that are written out, each a test. */
function testsOf(area) {
  if (!existsSync(report)) return [{ area, what: 'the tests themselves', held: 0, tried: 1 }];
  const { testResults } = JSON.parse(readFileSync(report, 'utf8'));
  return testResults
    .map(({ name, assertionResults }) => {
      const tried = assertionResults.filter(({ status }) => status === 'passed' || status === 'failed');
      const held = tried.filter(({ status }) => status === 'passed');
      const what = `tests of \`${relative('.', name).replaceAll('\\', '/')}\``;
      return { area, what, held: held.length, tried: tried.length };
    })
    .sort((a, b) => (a.what < b.what ? -1 : 1));
}

function usage(message) {
  console.error(message);
  console.error('  → npm run test:hostile -- [--seed N] [--count N] [--only AREA]');
  process.exit(2);
}
