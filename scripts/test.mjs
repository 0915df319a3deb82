// Runs every test, TypeScript then Python, and closes with one line that counts both: "N passed, N failed".
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

rmSync(reports, { recursive: true, force: true });
// A runner that died without counting its failure must not look green.
if (broken && counts.failed === 0) counts.failed = 1;
console.log(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = counts.failed === 0 && !broken ? 0 : 1;
