// Set-up from nothing but git, Node with npm, and Python: npm packages, compiled code, Python environment; then a task.
//   node scripts/bootstrap.mjs                      only set-up
//   node scripts/bootstrap.mjs quickstart|rehearse|test|vectors|hostile|compat|clients|learn|bench|lint:python|same-losses [ARGUMENTS]
// No dependency may be imported here: none is installed yet. What is already done is recognised by content and skipped.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const OLDEST_NODE = 20;
const PINNED_NODE = 24;
const LONGEST_SETUP_MS = 3600 * 1000;
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const windows = process.platform === 'win32';
const nodePackage = `node-${windows ? 'win' : process.platform}-${process.arch}`;
const pinned = join(root, 'node_modules', nodePackage, 'bin', windows ? 'node.exe' : 'node');
const pt = join(root, 'bin', 'run.js');

/** The Node that runs everything: the one that npm brought along, else this one where it is new enough (macOS has none brought along). */
const node = () =>
  !existsSync(pinned) && Number.parseInt(process.versions.node, 10) >= PINNED_NODE
    ? process.execPath
    : pinned;

/** What can be asked for: the arguments for Node, and whether Python is needed. */
const TASKS = {
  quickstart: { script: ['scripts/quickstart.mjs'], python: true, lifeline: true },
  rehearse: { script: ['scripts/rehearse.mjs'], python: true, lifeline: true },
  test: { script: ['scripts/test.mjs'], python: true },
  vectors: { script: ['node_modules/vitest/vitest.mjs', 'run', 'test/vectors.test.ts'], python: false },
  bench: { script: ['bench/run.mjs'], python: true },
  hostile: { script: ['scripts/hostile.mjs'], python: true },
  compat: { script: ['scripts/test.mjs', 'compat'], python: true },
  clients: { script: ['scripts/clients.mjs'], python: true },
  learn: { script: ['scripts/learn-releases.mjs'], python: true },
  'lint:python': { script: ['scripts/lint-python.mjs'], python: true },
  'same-losses': { script: ['scripts/same-losses.mjs'], python: true },
};

const [task, ...rest] = process.argv.slice(2);
if (task !== undefined && !(task in TASKS)) {
  stop(
    2,
    `There is no task "${task}".`,
    Object.keys(TASKS).map((name) => `node scripts/bootstrap.mjs ${name}`),
  );
}
if (Number.parseInt(process.versions.node, 10) < OLDEST_NODE) {
  stop(2, `Node ${OLDEST_NODE} or newer is needed; this is ${process.versions.node}.`, [
    'https://nodejs.org or your version manager: install Node 24',
  ]);
}

process.chdir(root);
try {
  withLock(() => {
    installPackages();
    compile();
  });
} catch (error) {
  if (error.code === 'ENOSPC' || error.code === 'EDQUOT')
    stop(5, `The disk of ${root} is full.`, ['df -h .', 'npm run setup']);
  if (['EACCES', 'EROFS', 'EPERM'].includes(error.code))
    stop(5, `${error.path ?? root} cannot be written (${error.code}).`, ['ls -ld .']);
  throw error;
}
const env = {};
if (task === undefined || TASKS[task].python) {
  const { code, output } = await run([pt, 'setup', '--json', ...(task === undefined ? [] : ['--quiet'])], {
    capture: true,
  });
  if (code !== 0) process.exit(code);
  env.PT_PYTHON = JSON.parse(output).python;
}
if (task !== undefined)
  process.exit((await run([...TASKS[task].script, ...rest], { env, lifeline: TASKS[task].lifeline })).code);

/** npm packages, exactly as in the lock file. */
function installPackages() {
  if (!existsSync('package-lock.json') || packagesAreCurrent()) return;
  say('Installing npm packages …');
  const npm = process.env.npm_execpath;
  // Not `npm ci`: it refuses the whole lock file when a registry lacks the build of an optional package for another system,
  // and it deletes node_modules under whoever is using it. Versions and integrity come from the lock file here too.
  const args = ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'];
  const command = npm?.endsWith('.js')
    ? [process.execPath, [npm, ...args]]
    : [windows ? 'npm.cmd' : 'npm', args];
  const result = spawnSync(command[0], command[1], {
    stdio: ['ignore', 'inherit', 'pipe'],
    encoding: 'utf8',
    shell: windows,
  });
  process.stderr.write(result.stderr ?? '');
  if (result.signal) process.exit(130);
  if (result.error?.code === 'ENOENT') stop(2, 'npm is not on the PATH.', ['install Node 24 with npm']);
  if (result.status !== 0) {
    const output = result.stderr ?? '';
    if (/ENOSPC|no space left/i.test(output))
      stop(5, `The disk of ${root} or of npm's cache is full.`, ['df -h', 'npm run setup']);
    if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|network/i.test(output))
      stop(5, 'npm could not reach its registry.', ['npm ping', 'npm run setup   # again, with a network']);
    stop(1, `npm install failed (exit ${result.status}).`, [
      'npm run setup   # again',
      'npm install   # to see everything that npm says',
    ]);
  }
  if (!existsSync(node())) {
    stop(
      2,
      `npm installed no Node ${PINNED_NODE} (the optional package ${nodePackage}); this is ${process.versions.node}.`,
      [
        `https://nodejs.org or your version manager: install Node ${PINNED_NODE}`,
        'npm config get omit   # must not name optional; then: rm -rf node_modules && npm run setup',
      ],
    );
  }
}

/** npm notes what it installed in a lock file of its own, last thing: the two must agree on every package that is not optional. */
function packagesAreCurrent() {
  try {
    const wanted = JSON.parse(readFileSync('package-lock.json', 'utf8')).packages;
    const installed = JSON.parse(readFileSync('node_modules/.package-lock.json', 'utf8')).packages;
    const same = Object.entries(wanted).every(
      ([path, { version, integrity, optional }]) =>
        path === '' ||
        (optional && !(path in installed)) ||
        (installed[path]?.version === version && installed[path]?.integrity === integrity),
    );
    return same && existsSync(node());
  } catch {
    return false;
  }
}

/** src/ to dist/, when any source is not what dist/ was made from. */
function compile() {
  if (!existsSync('src')) return;
  const stamp = join('dist', '.sources');
  const hash = createHash('sha256');
  for (const file of [
    ...filesUnder('src'),
    'scripts/build.mjs',
    'tsconfig.json',
    'package.json',
    'package-lock.json',
  ]) {
    hash.update(`${file}\0`).update(readFileSync(file)).update('\0');
  }
  const sources = hash.digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === sources) return;
  say('Compiling …');
  const result = spawnSync(node(), ['scripts/build.mjs'], { stdio: ['ignore', 2, 2] });
  if (result.signal) process.exit(130);
  if (result.status !== 0)
    stop(1, 'The sources do not compile (see above).', ['npm run build', 'git status   # local changes?']);
  writeFileSync(stamp, sources);
}

function filesUnder(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = `${folder}/${entry.name}`;
      return entry.isDirectory() ? filesUnder(path) : [path];
    });
}

/** Two set-ups in one clone (say, `npm test` and `npm run quickstart`) go one after the other. */
function withLock(work) {
  const lock = join('.pt', 'setup.lock');
  mkdirSync('.pt', { recursive: true });
  for (let told = false; ; told = true) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (lockIsDead(lock)) rmSync(lock, { force: true });
    else {
      if (!told) say('Waiting for another set-up in this folder …');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
    }
  }
  process.on('exit', () => rmSync(join(root, lock), { force: true }));
  work();
  rmSync(lock, { force: true });
}

function lockIsDead(lock) {
  try {
    const pid = Number(readFileSync(lock, 'utf8'));
    const taken = statSync(lock).mtimeMs;
    if (!(pid > 0)) return Date.now() - taken > 5000;
    // The id of a process from before the last start of the machine, or from long ago, may be somebody else's by now.
    if (taken < Date.now() - uptime() * 1000 || taken < Date.now() - LONGEST_SETUP_MS) return true;
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH' || error.code === 'ENOENT';
  }
}

/**
 * Runs the pinned Node; gives its exit code and, with `capture`, its stdout. With `lifeline`, killing this process ends that
 * one too: bin/run.js and scripts/quickstart.mjs watch the channel.
 */
function run(args, { env = {}, capture = false, lifeline = args[0] === pt } = {}) {
  const child = spawn(node(), args, {
    stdio: ['inherit', capture ? 'pipe' : 'inherit', 'inherit', ...(lifeline ? ['ipc'] : [])],
    env: { ...process.env, ...env, ...(lifeline && { PT_LIFELINE: '1' }) },
  });
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk) => {
    output += chunk;
  });
  // The terminal sends Ctrl-C to the child as well; its exit code says how that went.
  const ignore = () => {};
  const pass = (signal) => child.kill(signal);
  process.on('SIGINT', ignore);
  process.on('SIGTERM', pass);
  return new Promise((resolve) => {
    child.on('error', (error) =>
      stop(1, `${args[0]} could not be started: ${error.message}`, ['npm run setup']),
    );
    child.on('close', (status, signal) => {
      process.off('SIGINT', ignore);
      process.off('SIGTERM', pass);
      resolve({ code: status ?? (signal === 'SIGINT' || signal === 'SIGTERM' ? 130 : 1), output });
    });
  });
}

function say(message) {
  process.stderr.write(`${message}\n`);
}

function stop(code, message, nextSteps) {
  say(message);
  for (const step of nextSteps) say(`  → ${step}`);
  process.exit(code);
}
