// Ruff and pyright over the Python code: npm run lint:python [-- --fix]. Ruff comes from python/requirements-dev.txt into a small
// environment under node_modules/.cache, made once for each version of that file; pyright is npm's, and asks the network for nothing.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const REQUIREMENTS = 'python/requirements-dev.txt';
const python = process.env.PT_PYTHON;
if (!python) stop('`npm run lint:python` starts this, and names the Python environment in PT_PYTHON.');

const wanted = createHash('sha256').update(readFileSync(REQUIREMENTS)).update(python).digest('hex');
const tools = join('node_modules', '.cache', `python-tools-${wanted.slice(0, 16)}`);
const ruff = join(tools, process.platform === 'win32' ? 'Scripts/ruff.exe' : 'bin/ruff');
if (!existsSync(ruff)) {
  // uv where there is one, as `pt setup` does it: Debian's Python may come without venv.
  const made =
    succeeds('uv', ['venv', '--quiet', '--python', python, tools]) &&
    succeeds('uv', ['pip', 'install', '--quiet', '--python', tools, '-r', REQUIREMENTS]);
  if (!made) {
    rmSync(tools, { recursive: true, force: true });
    run(python, ['-m', 'venv', tools], 'sudo apt-get install python3-venv   # Debian, Ubuntu');
    const pip = ['-m', 'pip', '--disable-pip-version-check', 'install', '--quiet', '-r', REQUIREMENTS];
    run(ruff.replace(/ruff(\.exe)?$/, 'python$1'), pip, 'npm run lint:python   # again, with a network');
  }
}

const config = ['--config', 'python/pyproject.toml', '--no-cache'];
const failed = [
  [ruff, ['check', ...config, ...process.argv.slice(2), 'python', 'test/python', 'test/compat', 'scripts']],
  [process.execPath, ['node_modules/pyright/index.js', '--project', 'python', '--pythonpath', python]],
].filter(([command, args]) => spawnSync(command, args, { stdio: 'inherit' }).status !== 0);
process.exitCode = failed.length === 0 ? 0 : 1;

function succeeds(command, args) {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

function run(command, args, next) {
  if (spawnSync(command, args, { stdio: 'inherit' }).status === 0) return;
  rmSync(tools, { recursive: true, force: true });
  stop(`${REQUIREMENTS} could not be installed.\n  → ${next}`);
}

function stop(message) {
  console.error(message);
  process.exit(1);
}
