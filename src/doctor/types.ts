export type CheckStatus = 'ok' | 'warning' | 'failure' | 'skipped';

/** One thing that was looked at. */
export interface Check {
  name: string;
  status: CheckStatus;
  message: string;
  /** What mends it; empty when nothing needs mending. */
  nextSteps: string[];
}

export const ok = (name: string, message: string): Check => ({ name, status: 'ok', message, nextSteps: [] });
export const skipped = (name: string, message: string): Check => ({
  name,
  status: 'skipped',
  message,
  nextSteps: [],
});
export const warning = (name: string, message: string, ...nextSteps: string[]): Check => ({
  name,
  status: 'warning',
  message,
  nextSteps,
});
export const failure = (name: string, message: string, ...nextSteps: string[]): Check => ({
  name,
  status: 'failure',
  message,
  nextSteps,
});
