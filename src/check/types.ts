import type { AskedProfile, Competition, Finding, Verdict } from '../rules/index.ts';

/** Which model: a folder here, or a repository on the Hub. */
export type CheckTarget =
  | { kind: 'folder'; dir: string }
  | { kind: 'repo'; repo: string; revision: string | null };

export interface CheckRequest {
  target: CheckTarget;
  /** The king (or genesis model) that the profile locks settings and files to; `king`: the subnet's best miner's. */
  against?: CheckTarget | { kind: 'king' } | null;
  /** `--block`; null: the chain's, else the newest period's. */
  block?: number | null;
  /** Id or name; left out: the place's; null: the one that fits. */
  competition?: string | null;
  /** Hash local weights of any size; otherwise only up to `HASH_UP_TO` bytes. */
  hash?: boolean;
  signal?: AbortSignal;
}

/** Where the block came from: `--block`, the chain, or the newest period of the schedule. */
export type BlockSource = 'flag' | 'chain' | 'schedule';

/** The model that was looked at; of a repository, the revision that its name meant. */
export type CheckedModel = { kind: 'folder'; dir: string } | { kind: 'repo'; repo: string; commit: string };

/** What validators would say of a model. */
export interface CheckVerdict {
  /** False when validators would refuse it. */
  accepted: boolean;
  verdict: Verdict;
  model: CheckedModel;
  profile: AskedProfile;
  block: number;
  blockSource: BlockSource;
  /** Release of the reference whose limits hold at that block. */
  release: string;
  /** Null: there is none of that name at that block. */
  competition: Competition | null;
  /** The name or id that was asked for. */
  asked: string | null;
  findings: Finding[];
  /** What it was held beside; null: nothing. */
  beside: (CheckedModel & { /** Null: not by the chain. */ uid: number | null }) | null;
  architecture: string | null;
  parameters: number | null;
  /** That one token goes through. */
  activeParameters: number | null;
  bytes: number;
  dtypes: string[];
  /** Null: not computed (the finding `content_hash` says why). */
  contentHash: string | null;
  hashedFiles: string[];
}
