/** A token that the sandbox Hub accepts, and whose it is. */
export interface HubToken {
  token: string;
  user: string;
  role: 'read' | 'write' | 'fineGrained';
  /** Of a fine-grained token: what it may do where. */
  scoped?: { entity: { type: 'user' | 'org' | 'model'; name: string }; permissions: string[] }[];
  /** Organisations that the user may write to, besides their own name; `*` is every namespace. */
  orgs?: string[];
}

/** What a request is for; faults name these. */
export type Step =
  | 'whoami'
  | 'create'
  | 'delete'
  | 'move'
  | 'settings'
  | 'info'
  | 'list'
  | 'tree'
  | 'paths'
  | 'refs'
  | 'commits'
  | 'preupload'
  | 'batch'
  | 'put'
  | 'part'
  | 'complete'
  | 'verify'
  | 'commit'
  | 'resolve'
  | 'cdn'
  | 'other';

/** What goes wrong. Byte counts are of the body, zero-based. */
export type FaultAction =
  | { kind: 'delay'; ms: number }
  /** Answers `status` in place of doing the work; the request's body is read and thrown away. `retryAfter`: the header's text (seconds or a date). */
  | { kind: 'status'; status: number; retryAfter?: string; message?: string; code?: string }
  /** Resets the connection: at once, after `bytes` of the request's body, or with the work done but unanswered. */
  | { kind: 'drop'; when: 'before' | 'request' | 'after'; bytes?: number }
  /** Resets the connection after `bytes` of the answer. */
  | { kind: 'truncate'; bytes: number }
  /** Flips one bit of the answer's byte at `offset` of the whole file or body. */
  | { kind: 'corrupt'; offset: number }
  /** Redirects (307) to this origin, keeping path and query. */
  | { kind: 'redirect'; origin: string }
  /** Answers `status` at once and does the work `ms` later all the same, as a proxy that gave up on a slow server. */
  | { kind: 'late'; status: number; ms: number }
  /** Stays silent: neither reads nor answers until the client gives up. */
  | { kind: 'hang' };

export interface Fault {
  /** Requests of this step only. */
  step?: Step;
  /** Requests whose `METHOD /path` matches this regular expression only. */
  match?: string;
  /** Let this many matching requests pass first (0). */
  after?: number;
  /** Hit this many requests, then pass (all). */
  times?: number;
  does: FaultAction;
}

export interface StartHubOptions {
  /** Where the state lives: `<dir>/repos`, `<dir>/tmp`. Made when missing. */
  dir: string;
  /** 0 or absent: any free port. */
  port?: number;
  tokens: HubToken[];
  faults?: Fault[];
  /** Entries a page in listings (1000). */
  pageSize?: number;
  /** Objects from `threshold` bytes on are uploaded in parts of `partSize` (5 GB and 512 MiB). */
  multipart?: { threshold: number; partSize: number };
  /** Bytes that all objects together may take; beyond it uploads get 507. */
  spaceBytes?: number;
}

/** One request as the sandbox saw it, for tests. No token is kept, only whether one came. */
export interface RequestRecord {
  method: string;
  path: string;
  step: Step;
  status: number | null;
  authorized: boolean;
  range?: string;
  received: number;
}

export interface SandboxHub {
  /** `http://127.0.0.1:<port>`, to be used as HF_ENDPOINT. */
  url: string;
  port: number;
  setFaults(faults: Fault[]): void;
  /** The last 10,000 requests, oldest first. */
  requests: RequestRecord[];
  /** Bytes on the wire so far, headers included, both ways. */
  traffic(): { received: number; sent: number };
  close(): Promise<void>;
}

export type RepoType = 'model' | 'dataset' | 'space';

/** One file of a commit. */
export interface FileEntry {
  size: number;
  /** sha256 of the content: its name in the object store. */
  sha256: string;
  /** Git blob id: of the content, or of the LFS pointer. */
  oid: string;
  lfs: boolean;
}

export interface CommitRecord {
  id: string;
  parent: string | null;
  title: string;
  message: string;
  author: string;
  /** ISO 8601. */
  date: string;
  files: Record<string, FileEntry>;
}

export interface Repo {
  type: RepoType;
  /** `namespace/name`. */
  id: string;
  private: boolean;
  createdAt: string;
  lastModified: string;
  branches: Record<string, string>;
  tags: Record<string, string>;
  commits: Record<string, CommitRecord>;
}
