// Makes constants/transformers.json by running the releases of transformers that validators pin; the task `learn` of bootstrap.mjs names PT_PYTHON.
import { spawnSync } from 'node:child_process';

const { status } = spawnSync(process.env.PT_PYTHON, ['test/compat/learn_releases.py'], { stdio: 'inherit' });
process.exitCode = status ?? 1;
