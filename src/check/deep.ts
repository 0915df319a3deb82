/** What only Python can do for a model folder: load and try it (`--deep`), add the keys older transformers read (`--fix`). */
import type { Place } from '../place.ts';
import type { Work } from '../progress.ts';
import { type Finding, isAccepted, verdictOf } from '../rules/index.ts';
import { runPython } from './run-python.ts';
import type { CheckVerdict } from './types.ts';

/** Sequence length that a competition without one is tried with. */
const DEFAULT_LENGTH = 1024;

/** The verdict with what loading, one forward pass and two sample outputs add to it. */
export async function* deepCheck(
  verdict: CheckVerdict,
  dir: string,
  { device, signal }: { device?: string | undefined; signal?: AbortSignal },
  place: Place,
): Work<CheckVerdict> {
  const result = yield* runPython(
    'deep_check.py',
    {
      dir,
      tokenizer: verdict.competition?.tokenizer ?? null,
      sequence_length: verdict.competition?.sequence_length ?? DEFAULT_LENGTH,
      device: device ?? place.device,
      offline: place.offline,
      hub_endpoint: place.hubEndpoint,
    },
    place,
    signal,
  );
  const findings = [...verdict.findings, ...(result.findings as Finding[])];
  return { ...verdict, findings, accepted: isAccepted(findings), verdict: verdictOf(findings) };
}

/**
 * Rewrites config and tokenizer in place so that old and new transformers agree; says what was changed, and what is left that no key can say.
 * Weights stay as they are.
 */
export async function* fixFolder(
  dir: string,
  place: Place,
  signal?: AbortSignal,
): Work<{ changed: string[]; left: string[] }> {
  const result = yield* runPython('fix_model.py', { dir }, place, signal);
  return { changed: result.changed as string[], left: result.left as string[] };
}
