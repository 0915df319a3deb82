// Runs every test, TypeScript then Python, and closes with one line that counts both: "N passed, N failed".
// PT_COMPAT=1 (CI): then also the comparison of saved models in the releases that validators pin; the argument `compat`: only that.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const python = process.env.PT_PYTHON;
if (!python) {
  console.error(
    'scripts/test.mjs is started by `npm test`, which makes the Python environment and names it in PT_PYTHON.',
  );
  process.exit(2);
}
const reports = mkdtempSync(join(tmpdir(), 'pt-test-'));
const counts = { passed: 0, failed: 0, skipped: 0 };
let broken = false;

function run(command, args) {
  const { status } = spawnSync(command, args, { stdio: 'inherit' });
  if (status !== 0) broken = true;
}

const only = process.argv[2];
if (only !== 'compat') {
  runTypescript();
  runPython();
}
if (only === 'compat' || process.env.PT_COMPAT) runCompat();

rmSync(reports, { recursive: true, force: true });
// A runner that died without counting its failure must not look green.
if (broken && counts.failed === 0) counts.failed = 1;
console.log(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = counts.failed === 0 && !broken ? 0 : 1;

function runTypescript() {
  run(process.execPath, [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${join(reports, 'vitest.json')}`,
  ]);
  try {
    const vitest = JSON.parse(readFileSync(join(reports, 'vitest.json'), 'utf8'));
    counts.passed += vitest.numPassedTests;
    counts.failed += vitest.numFailedTests;
    counts.skipped += vitest.numPendingTests + vitest.numTodoTests;
  } catch {
    broken = true;
  }
}

function runPython() {
  run(python, [
    '-m',
    'pytest',
    '-q',
    '-p',
    'no:cacheprovider',
    'test/python',
    `--junitxml=${join(reports, 'pytest.xml')}`,
  ]);
  try {
    const attributes = readFileSync(join(reports, 'pytest.xml'), 'utf8').match(/<testsuite [^>]*>/)[0];
    const number = (name) => Number(attributes.match(new RegExp(` ${name}="(\\d+)"`))[1]);
    const failed = number('failures') + number('errors');
    counts.passed += number('tests') - failed - number('skipped');
    counts.failed += failed;
    counts.skipped += number('skipped');
  } catch {
    broken = true;
  }
}

/** Saved models in the releases that validators pin, which this installs. */
function runCompat() {
  const { stdout } = spawnSync(python, ['test/compat/run.py'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
    env: { ...process.env, PT_NODE: process.execPath },
  });
  process.stdout.write(stdout ?? '');
  const [, passed, failed] = /(\d+) passed, (\d+) failed/.exec(stdout ?? '') ?? [];
  if (passed === undefined) broken = true;
  counts.passed += Number(passed ?? 0);
  counts.failed += Number(failed ?? 0);
}
