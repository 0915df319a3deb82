import { findPython, pythonInfo } from '../bridge/index.ts';
import { PtError } from '../errors.ts';
import type { Settings } from '../settings/index.ts';
import { type Check, failure, ok, skipped, warning } from './types.ts';

const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
const NEEDED = ['torch', 'transformers', 'safetensors', 'tokenizers'];

/** Python, its packages, and what torch can compute on. */
export async function checkPython(settings: Settings, env: NodeJS.ProcessEnv): Promise<Check[]> {
  try {
    const python = await findPython({ ...env, PT_PYTHON: settings.python ?? undefined });
    const { packages, cuda, mps, gpus, problem } = await pythonInfo(python);
    const checks = [ok('Python', `${python.version}, ${python.python}`)];
    const missing = NEEDED.filter((name) => packages[name] === null);
    const mend = python.source === 'managed' ? 'pt setup' : 'unset PT_PYTHON; pt setup';
    if (missing.length > 0) checks.push(failure('packages', `missing: ${missing.join(', ')}`, mend));
    else if (problem) checks.push(failure('packages', `training does not import: ${problem}`, mend));
    else checks.push(ok('packages', NEEDED.map((name) => `${name} ${packages[name]}`).join(', ')));
    if (cuda) {
      for (const { name, freeBytes, totalBytes } of gpus) {
        checks.push(
          ok('GPU', `${name}, CUDA ${cuda}, ${gigabytes(freeBytes)} of ${gigabytes(totalBytes)} free`),
        );
      }
      checks.push(
        packages['flash-attn']
          ? ok('flash-attn', packages['flash-attn'])
          : warning(
              'flash-attn',
              'not installed; PyTorch’s own flash kernel is used',
              'pt setup --flash-attn',
            ),
      );
    } else if (mps) checks.push(ok('GPU', 'Apple GPU (mps)'));
    else
      checks.push(warning('GPU', 'none that torch can use: training runs on the CPU, with the tiny recipe'));
    return checks;
  } catch (error) {
    if (!(error instanceof PtError)) throw error;
    return [failure('Python', error.message, ...error.nextSteps), skipped('packages', 'needs Python')];
  }
}
