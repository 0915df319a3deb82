import { join } from 'node:path';
import { EXIT, OutsideError } from '../errors.ts';
import { withoutSecrets } from '../secret.ts';
import { PYTHON_FOLDER } from './paths.ts';
import type { PythonEnv, PythonInfo } from './types.ts';

/**
 * Versions of the trainer's packages, and what torch sees of CUDA; imports torch in a process of its own (some seconds).
 * @throws OutsideError `python.broken` (exit 7)
 */
export async function pythonInfo(python: PythonEnv): Promise<PythonInfo> {
  const controller = join(PYTHON_FOLDER, 'bridge_controller.py');
  const { execa } = await import('execa');
  const result = await execa(python.python, [controller, '--info'], {
    env: withoutSecrets(process.env),
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
    timeout: 120_000,
  });
  try {
    const raw = JSON.parse(result.stdout.trim().split('\n').at(-1) ?? '') as {
      gpus: { name: string; free_bytes: number; total_bytes: number }[];
    } & Omit<PythonInfo, 'gpus'>;
    const gpus = raw.gpus.map((gpu) => ({
      name: gpu.name,
      freeBytes: gpu.free_bytes,
      totalBytes: gpu.total_bytes,
    }));
    return { ...raw, gpus };
  } catch {
    const why = result.stderr.trim().split('\n').at(-1) || result.shortMessage || 'no answer';
    throw new OutsideError('python.broken', `${python.python} does not work: ${why}`, {
      exitCode: EXIT.trainer,
      nextSteps: ['pt setup', 'unset PT_PYTHON'],
    });
  }
}

/**
 * Refuses an environment that training would refuse: what training imports is imported.
 * @throws OutsideError `python.broken` (exit 7)
 */
export async function provePython(python: PythonEnv): Promise<void> {
  const { problem } = await pythonInfo(python);
  if (problem === null) return;
  throw new OutsideError('python.broken', `${python.python} cannot train: ${problem}`, {
    exitCode: EXIT.trainer,
    nextSteps:
      python.source === 'managed' ? ['pt setup'] : ['pt setup   # names what is missing', 'unset PT_PYTHON'],
  });
}
