import type { ModelFacts } from '../model/types.ts';
import type { Work } from '../progress.ts';
import type { CommitmentState, HeldSeal } from '../publish/held.ts';
import type { HubPlace, ModelId, Profile, Schedule } from '../rules/index.ts';

export interface Rules {
  profile: Profile;
  schedule: Schedule;
}

/** One neuron with what it has on chain, parsed. Every text in it is from strangers. */
export interface Miner {
  uid: number;
  hotkey: string;
  /** 0..1 */
  incentive: number;
  /** Block of the commitment, or at which the chain opened it; null without one. */
  block: number | null;
  /** The text that validators go by, as it is; of a sealed one the newest that was opened. */
  commitment: string | null;
  state: CommitmentState;
  /** The seal that is pending or failed; null without one. */
  seal: HeldSeal | null;
  /** The string as the profile's validators read it; null when they see no model. */
  id: ModelId | null;
  /** `namespace/name`, only when a Hub could have such a repository. */
  repo: string | null;
  /** 40 hex digits, only when it is a full commit id. */
  commit: string | null;
  /** Where a Hub has the model; null: its text names none, or it is elsewhere. */
  hub: HubPlace | null;
  competition: number | null;
}

/** A subnet at one moment, best miner first. */
export interface Subnet {
  block: number;
  netuid: number;
  miners: Miner[];
}

/** Which model to load. */
export type LoadSource =
  /** `except`: the best of all but this hotkey (SS58). */
  | { kind: 'best'; except?: string }
  | { kind: 'uid'; uid: number }
  /** Any repository; `revision` null: its head. */
  | { kind: 'repo'; repo: string; revision: string | null };

export interface LoadRequest {
  source: LoadSource;
  /** Competition by id or name; left out: the place's; null: all that are open. Only profiles that name competitions use it. */
  competition?: string | null;
  /** The folder that will hold exactly the model's files; null: one of its own under `modelsDir`. */
  dir?: string | null;
  /** Left out: the place's. */
  modelsDir?: string;
  /** Replace what the folder holds. */
  force?: boolean;
  /** Asked before anything is downloaded, not where the model is here; what it throws ends the loading. */
  before?: (facts: ModelFacts) => Work<void>;
  signal?: AbortSignal;
}
