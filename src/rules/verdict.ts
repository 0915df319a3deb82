/** What is decided of a model, here and nowhere else: one verdict from all findings, and the sentence that says it. */
import type { Finding, Verdict } from './types.ts';

/** From the weightiest on: a model that is refused is never scored, and what is certain comes before what cannot be told. */
const BY_WEIGHT = ['refused', 'cannot_score', 'unknown'] as const;

/** What a finding says against the model; null: nothing (the rule is met, or the finding is advice). */
export function against(finding: Finding): Exclude<Verdict, 'ready'> | null {
  return finding.verdict ?? (finding.ok === false ? 'refused' : null);
}

/** The verdict of all findings together. Only a model that nothing speaks against is ready. */
export function verdictOf(findings: readonly Finding[]): Verdict {
  return BY_WEIGHT.find((verdict) => findings.some((each) => against(each) === verdict)) ?? 'ready';
}

/** The findings that speak against the model, the ones that decide first. */
export function reasonsAgainst(findings: readonly Finding[]): Finding[] {
  return BY_WEIGHT.flatMap((verdict) => findings.filter((each) => against(each) === verdict));
}

/** Whether validators take the model, whatever it scores there: no finding refuses it. */
export function isAccepted(findings: readonly Finding[]): boolean {
  return verdictOf(findings) !== 'refused';
}

/** The verdict in words; `model` is what it is called. */
export function sentenceOf(verdict: Verdict, model = 'this model'): string {
  switch (verdict) {
    case 'ready':
      return `Validators would accept ${model}.`;
    case 'refused':
      return `Validators would refuse ${model}.`;
    case 'cannot_score':
      return `Validators would take ${model}, but it cannot score there.`;
    case 'unknown':
      return `Whether validators would take and score ${model} cannot be told.`;
  }
}

/** How the message of a finding begins that says what `pt` does not look at. */
export const NOT_JUDGED = 'Not judged here: ';

/** The findings against a model in one line each, with the rule's name; all that is not judged here is one line. */
export function describeReasons(findings: readonly Finding[]): string[] {
  const reasons = reasonsAgainst(findings);
  const open = reasons.filter(({ message }) => message.startsWith(NOT_JUDGED));
  const said = reasons
    .filter((each) => !open.includes(each))
    .map(({ rule, message }) => `${rule}: ${message}`);
  if (open.length === 0) return said;
  const parts = open.map(({ message }) => message.slice(NOT_JUDGED.length).replace(/\.$/, ''));
  return [...said, `${NOT_JUDGED}${parts.join('; ')}.`];
}
