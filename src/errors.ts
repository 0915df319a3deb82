import { mask } from './secret.ts';

/**
 * The four kinds of failure. Every error that a room throws on purpose is one of the first three (or `Cancelled`);
 * anything else is a bug of ours and exits 1.
 */

/** Process exit codes, part of the public interface. */
export const EXIT = {
  ok: 0,
  bug: 1,
  usage: 2,
  check: 3,
  wallet: 4,
  network: 5,
  limit: 6,
  trainer: 7,
  cancelled: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export interface PtErrorOptions {
  /** What to type or change next, one step a line; the first is the best. */
  nextSteps?: string[];
  exitCode?: ExitCode;
  /** Extra fields for `--json` (e.g. `retryAt`); never secrets. */
  details?: Record<string, unknown>;
  cause?: unknown;
}

/**
 * Base of the errors made on purpose. `code` is stable and dotted (`wallet.missing`), `message` names the setting and its value; secrets
 * are masked in it and in the steps when it is made.
 */
export abstract class PtError extends Error {
  readonly code: string;
  readonly nextSteps: string[];
  readonly exitCode: ExitCode;
  readonly details: Record<string, unknown>;

  constructor(code: string, message: string, exitCode: ExitCode, options: PtErrorOptions = {}) {
    super(mask(message), options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.nextSteps = (options.nextSteps ?? []).map(mask);
    this.exitCode = options.exitCode ?? exitCode;
    this.details = options.details ?? {};
  }
}

/** The user must act: a flag, a setting, a file, a wallet (exit 2; wallet and token problems pass `exitCode: EXIT.wallet`). */
export class UserError extends PtError {
  constructor(code: string, message: string, options: PtErrorOptions = {}) {
    super(code, message, EXIT.usage, options);
  }
}

/** Something was looked at and is not acceptable: constraints, hashes, hostile files (exit 3). */
export class CheckError extends PtError {
  constructor(code: string, message: string, options: PtErrorOptions = {}) {
    super(code, message, EXIT.check, options);
  }
}

/** Chain, Hub or Python failed (exit 5; rate limit 6 and trainer 7 by `exitCode`). */
export class OutsideError extends PtError {
  constructor(code: string, message: string, options: PtErrorOptions = {}) {
    super(code, message, EXIT.network, options);
  }
}

/** The user pressed Ctrl-C, or said no at a prompt (exit 130). */
export class Cancelled extends PtError {
  constructor(message = 'Cancelled.', options: PtErrorOptions = {}) {
    super('cancelled', message, EXIT.cancelled, options);
  }
}

/** The `error` object of `--json`. */
export interface ErrorReport {
  code: string;
  message: string;
  nextSteps: string[];
  exitCode: ExitCode;
  [detail: string]: unknown;
}

/** Turns anything thrown into the object that `--json` prints and people read. */
export function reportOf(error: unknown): ErrorReport {
  if (error instanceof PtError) {
    const { code, message, nextSteps, exitCode, details } = error;
    return { ...details, code, message, nextSteps, exitCode };
  }
  return {
    code: 'bug',
    message: error instanceof Error ? error.message : String(error),
    nextSteps: ['This is a bug in pt: run `pt doctor --json` and report it with the log.'],
    exitCode: EXIT.bug,
  };
}
