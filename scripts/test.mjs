// Runs every test, TypeScript then Python, and closes with one line that counts both: "N passed, N failed".
// PT_COMPAT=1 (CI): then also the comparison of saved models in the releases that validators pin; the argument `compat`: only that.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
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
/** Output of what ran beside something else. */
const later = [];

const only = process.argv[2];
// Vitest waits much and pytest is one process: side by side they keep two cores at work. Each is shown whole.
await Promise.all([
  only === 'compat' ? null : runTypescript(),
  (async () => {
    if (only !== 'compat') await runPython();
    if (only === 'compat' || process.env.PT_COMPAT) await runCompat();
  })(),
]);
for (const text of later) process.stdout.write(text);

rmSync(reports, { recursive: true, force: true });
// A runner that died without counting its failure must not look green.
if (broken && counts.failed === 0) counts.failed = 1;
console.log(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = counts.failed === 0 && !broken ? 0 : 1;

/** Runs a program to its end; `kept`: its output is given back, to be shown when no other is being written. */
async function run(command, args, { kept = false, env = process.env } = {}) {
  const child = spawn(command, args, {
    stdio: ['ignore', kept ? 'pipe' : 'inherit', kept ? 'pipe' : 'inherit'],
    env,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  const [status] = await once(child, 'close');
  if (status !== 0) broken = true;
  if (kept) later.push(output);
  return output;
}

async function runTypescript() {
  await run(process.execPath, [
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

async function runPython() {
  const report = `--junitxml=${join(reports, 'pytest.xml')}`;
  await run(python, ['-m', 'pytest', '-q', '-p', 'no:cacheprovider', 'test/python', report], { kept: true });
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
async function runCompat() {
  const env = { ...process.env, PT_NODE: process.execPath };
  const output = await run(python, ['test/compat/run.py'], { kept: true, env });
  const [, passed, failed] = /(\d+) passed, (\d+) failed/.exec(output) ?? [];
  if (passed === undefined) broken = true;
  counts.passed += Number(passed ?? 0);
  counts.failed += Number(failed ?? 0);
}
