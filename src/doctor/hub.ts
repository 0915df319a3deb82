import { PtError } from '../errors.ts';
import type { Place } from '../place.ts';
import { hubOptions, type Settings } from '../settings/index.ts';
import { type Check, failure, ok, skipped, warning } from './types.ts';

const CLOCK_SECONDS = 60;
const TIMEOUT_MS = 10_000;

/** Whether the Hub answers, how the clock compares with its, whose the token is and what it may write. */
export async function checkHub(settings: Settings, place: Place): Promise<Check[]> {
  const { hub, hfRepoId, offline } = settings;
  try {
    const options = hubOptions(settings);
    const begin = performance.now();
    const answer = await fetch(`${options.endpoint}/api/models?limit=1`, {
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    await answer.arrayBuffer();
    const checks = [ok('Hub', `${options.endpoint} answers in ${Math.round(performance.now() - begin)} ms`)];
    const clock = clockCheck(answer.headers.get('date'));
    if (clock) checks.push(clock);
    if (hub.token === null) {
      const mend = 'Put HF_ACCESS_TOKEN=… into .env or the environment.';
      return [...checks, warning('token', 'none: loading works, publishing does not', mend, 'hf auth login')];
    }
    const { name, orgs, canWrite, writes } = await (await place.hub()).whoami();
    if (canWrite === false) {
      const mend = `Make a token with write access at ${options.endpoint}/settings/tokens`;
      return [...checks, failure('token', `${name}'s token may only read`, mend)];
    }
    const finely =
      writes === undefined
        ? 'fine-grained: its rights show at the first upload'
        : `fine-grained, may write to ${writes.join(', ') || 'nothing'}`;
    const rights = canWrite === null ? finely : 'may write';
    checks.push(ok('token', `belongs to ${name}, ${rights}`));
    const namespace = hfRepoId?.split('/')[0];
    if (namespace && ![name, ...orgs].some((own) => own.toLowerCase() === namespace.toLowerCase())) {
      checks.push(failure('repository', `${name} cannot write under ${namespace}`, `--hf-repo-id ${name}/…`));
    }
    return checks;
  } catch (error) {
    if (error instanceof PtError) {
      return [
        (offline ? skipped : failure)(
          error.code.startsWith('token') ? 'token' : 'Hub',
          error.message,
          ...error.nextSteps,
        ),
      ];
    }
    const why =
      error instanceof Error ? ((error.cause as Error | undefined)?.message ?? error.message) : String(error);
    return [
      failure(
        'Hub',
        `${hub.endpoint} does not answer: ${why}`,
        'Check the network, or HF_ENDPOINT.',
        'pt train --offline',
      ),
    ];
  }
}

/** Signed requests and block times need a clock that is about right. */
function clockCheck(date: string | null): Check | null {
  const theirs = Date.parse(date ?? '');
  if (Number.isNaN(theirs)) return null;
  const off = Math.round((Date.now() - theirs) / 1000);
  return Math.abs(off) <= CLOCK_SECONDS
    ? ok('clock', 'agrees with the Hub')
    : warning(
        'clock',
        `${Math.abs(off)} s ${off > 0 ? 'ahead of' : 'behind'} the Hub`,
        'sudo timedatectl set-ntp true',
      );
}
