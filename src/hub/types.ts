import type { Work } from '../progress.ts';
import type { Secret } from '../secret.ts';

/** One file of a revision as the Hub lists it. */
export interface HubFile {
  path: string;
  size: number;
  /** Git blob sha1 (hex), or for LFS files the pointer's blob id. */
  oid: string;
  /** sha256 of the content (hex) for LFS files; absent for small text files. */
  sha256?: string;
}

export interface HubRevision {
  repo: string;
  /** 40 hex digits. */
  commit: string;
  private: boolean;
  files: HubFile[];
}

/**
 * A file to upload: `open` may be called more than once (retries) and must give the same `size` bytes each time. A chunk may be valid only
 * until the next is asked for, so that a source can use one buffer: whoever keeps chunks copies them.
 */
export interface UploadFile {
  path: string;
  size: number;
  /** sha256 of the bytes, lower-case hex: the LFS object id. */
  sha256: string;
  open: (start?: number, end?: number) => AsyncIterable<Uint8Array>;
}

export interface UploadRequest {
  repo: string;
  files: UploadFile[];
  message: string;
  branch?: string;
  /** Paths to delete in the same commit, so that the revision holds exactly what it should. */
  deletePaths?: string[];
  /** Create the repository private when it does not exist. Default true. */
  createPrivate?: boolean;
  /** The head this commit builds on; when the head moved meanwhile, it is read again before anything is repeated. */
  parentCommit?: string;
  signal?: AbortSignal;
}

export interface UploadResult {
  commit: string;
  /** Bytes that really went over the wire as file content. */
  bytesUploaded: number;
}

/** An upload whose objects lie on the Hub and that no revision names yet. */
export interface Staged {
  /** Makes the revision, with the small files in it. Throws what `upload` would. */
  commit(): Promise<UploadResult>;
}

export interface DownloadRequest {
  repo: string;
  /** Commit (40 hex) or branch. */
  revision: string;
  files: HubFile[];
  /** Folder the files are written under; each appears under its final name only when whole and verified. */
  dir: string;
  /** Stop with an error when more than this many bytes would be written. */
  maxBytes?: number;
  concurrency?: number;
  signal?: AbortSignal;
}

/** Whose token it is, and what it may do. */
export interface HubUser {
  name: string;
  orgs: string[];
  /** Null: the token has rights for some things only, see `writes`. */
  canWrite: boolean | null;
  /** Owners and repositories (`owner/name`) that a fine-grained token may write to; absent for other tokens, and where the Hub does not tell. */
  writes?: string[];
}

/** A Hub (huggingface.co or anything that speaks its API). Methods throw `OutsideError` (5), or `UserError` with exit 4 for tokens. */
export interface Hub {
  readonly endpoint: string;
  whoami(): Promise<HubUser>;
  /** Lists a revision with all its files (all pages); null when the repository or revision does not exist or is hidden from this token. */
  revision(repo: string, revision?: string): Promise<HubRevision | null>;
  createRepo(repo: string, options: { private: boolean }): Promise<void>;
  setVisibility(repo: string, options: { private: boolean }): Promise<void>;
  upload(request: UploadRequest): Work<UploadResult>;
  /** The first part of `upload`: everything but its commit, which is one call then. */
  stage(request: UploadRequest): Work<Staged>;
  /** Throws `CheckError` `hub.readme_refused` when the Hub would not take a README with this text. */
  checkReadme(text: string): Promise<void>;
  download(request: DownloadRequest): Work<{ bytesDownloaded: number }>;
  /** Bytes [start, end) of a file by a range request. */
  range(repo: string, revision: string, path: string, start: number, end: number): Promise<Uint8Array>;
  /** The same Hub without a token, to see what strangers see. */
  anonymous(): Hub;
}

export interface HubOptions {
  endpoint: string;
  token?: Secret;
  fetch?: typeof fetch;
  /** Refuse any endpoint that is not on this machine (`--offline`). */
  loopbackOnly?: boolean;
  /** How hard to try; for tests and for people in a hurry. */
  retry?: Partial<RetryPolicy>;
}

/** When and how often a request that failed for a passing reason is sent again. */
export interface RetryPolicy {
  /** Tries in all, the first included (5). */
  attempts: number;
  /** Milliseconds before the second try; doubles each time, with jitter (500). */
  baseMs: number;
  /** Longest wait of our own choosing (30,000). */
  capMs: number;
  /** Longest `Retry-After` that is waited for; beyond it the request fails with `retryAt` (120,000). */
  maxWaitMs: number;
  /** A connection on which nothing moves for so long is given up (60,000). */
  idleMs: number;
  /** Longest wait for the answer to an upload after its last byte: the store still hashes what it got (300,000). */
  answerMs: number;
}
