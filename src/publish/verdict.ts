/** Whether a model's verdict lets it be published, and who may overrule that. */
import { CheckError } from '../errors.ts';
import { type Work, warning } from '../progress.ts';
import { describeReasons, type Finding, sentenceOf, verdictOf } from '../rules/index.ts';
import type { PublishRequest } from './types.ts';

/**
 * Stops at a model that validators would refuse or that cannot score, unless `noCheck` overrules the rules: that is then said and asked
 * about, as is a model of which nothing can be told. Throws `CheckError` `check.rejected` or `check.cannot_score` with every finding in
 * `details`; `request.ask` throws to refuse.
 */
export async function* passVerdict(
  request: Pick<PublishRequest, 'repo' | 'noCheck' | 'ask'>,
  findings: Finding[],
): Work<void> {
  requireScorable(findings, request.noCheck);
  const verdict = verdictOf(findings);
  if (verdict === 'ready') return;
  const rules = describeReasons(findings);
  yield warning(`${sentenceOf(verdict)} ${rules.join(' ')}`);
  await request.ask({
    text: `Publish ${request.repo} all the same?`,
    verdict,
    retired: false,
    replaces: null,
    rehearsal: false,
  });
}

/** The part of it that nobody is asked about. */
export function requireScorable(findings: Finding[], noCheck: boolean): void {
  const rejection = rejectionOf(findings);
  if (rejection === null || noCheck) return;
  throw new CheckError(rejection.code, rejection.message, {
    details: { findings },
    nextSteps: [
      'pt check DIR   # shows every rule',
      'pt competitions',
      'The same command with --no-check   # publishes it all the same',
    ],
  });
}

/** The error of a model that is not to be published; null when it may be, or when that cannot be told. */
export function rejectionOf(
  findings: Finding[],
  model?: string,
): { code: 'check.rejected' | 'check.cannot_score'; message: string } | null {
  const verdict = verdictOf(findings);
  if (verdict === 'ready' || verdict === 'unknown') return null;
  return {
    code: verdict === 'refused' ? 'check.rejected' : 'check.cannot_score',
    message: [sentenceOf(verdict, model), ...describeReasons(findings)].join(' '),
  };
}
