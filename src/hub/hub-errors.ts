import { CheckError, EXIT, OutsideError, type PtError, UserError } from '../errors.ts';
import { certificateSteps } from '../host/certificate.ts';
import { proxySteps } from '../host/proxy.ts';
import { mask } from '../secret.ts';

/** What was being done, for messages. */
export interface Doing {
  /** As in "Could not <action>": `read acme/model`, `upload model.safetensors`. */
  action: string;
  repo?: string;
  endpoint: string;
  hasToken: boolean;
  /** Bytes that are fetched, and nothing that is changed. */
  reads: boolean;
}

/** The parts of an answer that decide what went wrong. */
export interface Refusal {
  status: number;
  /** `X-Error-Code`, e.g. `RepoNotFound`. */
  code?: string | null;
  message?: string | null;
  retryAfterMs?: number | null;
}

/** A server that wants to be left alone for longer than a year means something else. */
const MAX_RETRY_AFTER_MS = 366 * 86_400_000;

const TOKEN_STEP =
  'Set HF_ACCESS_TOKEN (environment or .env) to a token with write access: https://huggingface.co/settings/tokens';

/** The typed error for an answer that is not a success. */
export function errorOf(refusal: Refusal, doing: Doing): PtError {
  const { status, code } = refusal;
  const said = refusal.message ? ` It said: ${tame(refusal.message)}` : '';
  const lead = `Could not ${doing.action}: the Hub at ${doing.endpoint} answered ${status}.${said}`;
  const repo = doing.repo ?? 'OWNER/NAME';
  const details = { status, ...(refusal.message ? { said: tame(refusal.message) } : {}) };

  if (isReadmeRefused(refusal)) return readmeRefused(refusal.message!);
  if (code === 'RevisionNotFound')
    return new OutsideError('hub.revision_missing', lead, { nextSteps: [`pt check ${repo}`], details });
  if (code === 'EntryNotFound')
    return new OutsideError('hub.file_missing', lead, { nextSteps: [`pt check ${repo}`], details });
  if (code === 'RepoNotFound' && (status === 404 || !doing.hasToken))
    return new OutsideError('hub.repo_missing', lead, {
      nextSteps: [
        `Check the name ${repo}; a private repository looks the same without the right token.`,
        TOKEN_STEP,
      ],
      details,
    });
  if (status === 401) {
    return doing.hasToken
      ? new UserError('hub.token_rejected', `${lead} The token was not accepted.`, {
          exitCode: EXIT.wallet,
          nextSteps: [TOKEN_STEP, 'pt config show'],
          details,
        })
      : tokenMissing(doing);
  }
  if (isNoSpace(refusal))
    return new OutsideError('hub.no_space', lead, {
      nextSteps: [
        ...(/private/i.test(refusal.message ?? '')
          ? [
              'pt upload --resume --public-upload   # private storage is what is used up; the model can be copied before it is on chain',
            ]
          : []),
        `Free some space on the Hub (old repositories; ${doing.endpoint}/${repo}/settings lists stored objects), or take a larger plan: ${doing.endpoint}/settings/billing`,
        'Or name another owner with --hf-repo-id OWNER/NAME. Then: pt upload --resume',
      ],
      details,
    });
  if (status === 403)
    return new UserError('hub.forbidden', lead, {
      exitCode: EXIT.wallet,
      nextSteps: doing.reads
        ? [
            `Accept the terms of ${doing.endpoint}/${repo} there, or set HF_ACCESS_TOKEN to a token that may read it.`,
            'Run the same command again: what was loaded so far is kept.',
          ]
        : [`Use a token with write access to ${repo.split('/')[0]}, or --hf-repo-id YOU/NAME.`, TOKEN_STEP],
      details,
    });
  if (status === 404)
    return new OutsideError('hub.missing', lead, {
      nextSteps: [`Check ${repo} and HF_ENDPOINT (${doing.endpoint}).`],
      details,
    });
  if (status === 409)
    return new OutsideError('hub.conflict', lead, { nextSteps: ['Run the same command again.'], details });
  if (status === 412)
    return new OutsideError('hub.head_moved', `${lead} Somebody else committed to ${repo} meanwhile.`, {
      nextSteps: ['Make sure that no other upload to this repository runs, then: pt upload --resume'],
      details,
    });
  if (status === 429) {
    const retryAt =
      refusal.retryAfterMs == null || refusal.retryAfterMs > MAX_RETRY_AFTER_MS
        ? {}
        : { retryAt: new Date(Date.now() + refusal.retryAfterMs).toISOString() };
    return new OutsideError('hub.rate_limited', lead, {
      exitCode: EXIT.limit,
      nextSteps: [
        'retryAt' in retryAt
          ? `Wait until ${retryAt.retryAt}, then run the same command again.`
          : 'Wait a few minutes, then run the same command again.',
      ],
      details: { ...details, ...retryAt },
    });
  }
  if (status >= 500 || status === 408)
    return new OutsideError('hub.failing', lead, {
      nextSteps: ['Run the same command again in a while: what was sent already is not sent twice.'],
      details,
    });
  return new OutsideError('hub.refused', lead, { nextSteps: ['pt doctor'], details });
}

export function tokenMissing(doing: Pick<Doing, 'action'>): PtError {
  return new UserError(
    'hub.token_missing',
    `Could not ${doing.action}: this needs a token and none is set.`,
    {
      exitCode: EXIT.wallet,
      nextSteps: [TOKEN_STEP],
    },
  );
}

/** The Hub could not be reached, or the connection broke. */
export function unreachable(doing: Doing, cause: unknown): PtError {
  const reason = tame(reasonOf(cause));
  const certificate = certificateSteps(reason);
  if (certificate !== null)
    return new OutsideError(
      'hub.certificate',
      `Could not ${doing.action}: the certificate of ${doing.endpoint} was not accepted (${reason}).`,
      { nextSteps: certificate },
    );
  return new OutsideError(
    'hub.unreachable',
    `Could not ${doing.action}: no working connection to the Hub at ${doing.endpoint} (${reason}).`,
    {
      nextSteps: [
        'Check the network and HF_ENDPOINT, then run the same command again.',
        ...proxySteps(),
        'pt doctor',
      ],
    },
  );
}

/** The Hub answered with something that its protocol does not have. */
export function malformed(doing: Doing, what: string): PtError {
  return new OutsideError(
    'hub.malformed',
    `Could not ${doing.action}: the answer of ${doing.endpoint} is not one of a Hub (${tame(what)}).`,
    { nextSteps: ['Check HF_ENDPOINT.', 'pt doctor'] },
  );
}

/** A path, id or name that came from a stranger and is not acceptable. */
export function hostile(what: string): PtError {
  return new CheckError('hub.hostile', what, { nextSteps: ['Do not use this repository.'] });
}

export const isTemporary = (status: number): boolean => [408, 425, 429, 500, 502, 503, 504].includes(status);

/** Quotas are told by status, or in words under one of these: they do not pass by trying again. */
export const isNoSpace = ({ status, message }: Refusal): boolean =>
  status === 507 ||
  status === 413 ||
  ([400, 402, 403, 422].includes(status) &&
    /(storage|space)\W.{0,60}(limit|quota|exceed|full|reached)|(limit|exceed\w*|not enough|insufficient).{0,60}(storage|space)|quota (is )?(exceed|reached|used)/i.test(
      message ?? '',
    ));

const isReadmeRefused = ({ status, message }: Refusal): boolean =>
  [400, 422].includes(status) && /invalid metadata in README\.md/i.test(message ?? '');

/** The Hub's own check of a model card's front matter. */
export function readmeRefused(said: string): PtError {
  return new CheckError(
    'hub.readme_refused',
    `The Hub does not take README.md as it is. It said: ${tame(said)}`,
    {
      nextSteps: [
        'Mend the block between the lines `---` at the beginning of README.md, or take README.md out of the folder.',
        'Then run the same command again.',
      ],
    },
  );
}

/** Text of a stranger made fit for one line of a message: no control or direction characters, no secret, 200 characters at most. */
export function tame(text: string): string {
  const clean = text
    .slice(0, 2000)
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}]+/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  return mask(clean).slice(0, 200);
}

/** The system's code of a failure, else its words; a library may throw anything. */
function reasonOf(cause: unknown): string {
  const error = (typeof cause === 'object' && cause !== null ? cause : { message: cause }) as {
    [key: string]: unknown;
  };
  if (typeof error.code === 'string') return error.code;
  if (error.cause) return reasonOf(error.cause);
  const words = [error.message, error.name].find((one) => typeof one === 'string' && one !== '');
  return (words as string | undefined) ?? 'no reason given';
}
