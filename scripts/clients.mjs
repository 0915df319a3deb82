// SDKs and btcli of every age against the sandbox; the task `clients` of bootstrap.mjs names PT_PYTHON.
import { spawnSync } from 'node:child_process';

const env = { ...process.env, PT_NODE: process.execPath };
const { status } = spawnSync(process.env.PT_PYTHON, ['test/clients/run.py'], { stdio: 'inherit', env });
process.exitCode = status ?? 1;
