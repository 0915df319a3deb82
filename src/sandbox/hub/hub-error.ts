/** An answer other than success, in the Hub's own form: a JSON body and the X-Error-* headers that clients read. */
export class HubError extends Error {
  readonly status: number;
  readonly errorCode: string | undefined;

  constructor(status: number, message: string, errorCode?: string) {
    super(message);
    this.status = status;
    this.errorCode = errorCode;
  }
}

/**
 * What a missing repository looks like, and a private one to whoever may not see it: strangers get 401, people with a token 404.
 */
export const repoNotFound = (known: boolean): HubError =>
  known
    ? new HubError(404, 'Repository not found', 'RepoNotFound')
    : new HubError(401, 'Invalid username or password.', 'RepoNotFound');

export const revisionNotFound = (revision: string): HubError =>
  new HubError(404, `Invalid rev id: ${revision}`, 'RevisionNotFound');

export const entryNotFound = (): HubError => new HubError(404, 'Entry not found', 'EntryNotFound');
