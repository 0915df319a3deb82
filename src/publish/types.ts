import type { Chain, Commitment, Hotkey } from '../chain/types.ts';
import type { Hub } from '../hub/types.ts';
import type { Place } from '../place.ts';
import type { Verdict } from '../rules/index.ts';

/** What to publish: a model folder, or (`--commit-only`) a revision that is on the Hub already, or what a pin names elsewhere. */
export type PublishSource =
  | {
      kind: 'folder';
      dir: string;
      /** Null: the one that the competition loads. */
      dtype: 'bf16' | 'fp32' | null;
    }
  | { kind: 'hub'; commit: string }
  /** Content that is in no Hub's revision: pt writes the text, and looks at nothing of it. */
  | { kind: 'elsewhere'; pin: string };

export interface PublishRequest {
  source: PublishSource;
  /** `namespace/name`. */
  repo: string;
  netuid: number;
  /** Competition by id or name; null: the only one open, or the one whose parameter range fits. */
  competition: string | null;
  /** Profile `3.2`: commit the hotkey-bound hash. `6.0` always does. */
  useHotkeyInHash: boolean;
  /** Values that the profile's text names and that pt cannot know (`--field NAME=VALUE`). */
  fields: Record<string, string>;
  /** Sealed profiles: blocks until the reveal, or its round of the beacon, in the place of the profile's. */
  sealBlocks: number | null;
  sealRound: number | null;
  /** Sealed profiles: wait until the chain has opened the text. */
  waitReveal: boolean;
  /** False: leave a private repository private at the end (validators cannot load it until it is public). */
  makePublic: boolean;
  /** Do not make an already public repository private while uploading: others can copy the model before it is on chain. */
  publicUpload: boolean;
  /** Wait when the chain's limit is used up, instead of an error with `retryAt`. */
  wait: boolean;
  /** Commit also in the place of a commitment that the same hotkey made since this publish began. */
  replace: boolean;
  /**
   * The commitment that this one may replace, when that was asked about some time ago (a run, which publishes hours later and more than once);
   * undefined: the one that the chain holds when the publish begins.
   */
  standing?: Commitment | null;
  /** Forget the journal of an unfinished publish to the same repository; the Hub and the chain are still read first. */
  restart: boolean;
  /** Publish although the rules refuse it or it cannot score; that is said and asked about. */
  noCheck: boolean;
  /** What is known of the model that is published, for whoever is asked: its loss on `on`, and its chance to win. */
  worth?: { loss: number | null; on: string; pWin: number | null };
  /** Of a run's model: the command that goes on with it, and the folder that stays; absent: `pt upload` of `source`. */
  again?: { command: string; dir: string };
  /** Answers what `mayWrite` and `passVerdict` ask; throws to refuse. */
  ask: (question: WriteQuestion) => Promise<void>;
  signal?: AbortSignal;
}

/** A commitment that somebody should have wanted. */
export interface WriteQuestion {
  text: string;
  /** What stands against the model itself, when that is what is asked about. */
  verdict: Exclude<Verdict, 'ready'> | null;
  /** The subnet no longer scores this kind of submission. */
  retired: boolean;
  /** Block of the commitment that this one replaces; null: there is none. */
  replaces: number | null;
  /** A chain of this machine's own: it is asked about only because something is replaced. */
  rehearsal: boolean;
}

/** What has to be said of a publish; the rest has defaults, and netuid and competition are the place's. */
export type PublishOrder = Pick<PublishRequest, 'source' | 'repo' | 'ask'> &
  Omit<Partial<PublishRequest>, 'useHotkeyInHash'> & {
    /** Null: nobody said, and the profile's way is taken. */
    useHotkeyInHash?: boolean | null;
  };

/** The place with all that a publish needs at hand: the Hub with a token, the hotkey, the chain. */
export interface Opened extends Omit<Place, 'chain' | 'hub' | 'hotkey'> {
  chain: Chain;
  hub: Hub;
  hotkey: Hotkey;
}

/** A publish that is done. */
export interface UploadOutcome {
  repo: string;
  /** Of the Hub; null: what is committed is elsewhere, and `pin` names it. */
  commit: string | null;
  pin: string | null;
  /** Null: pt has not seen the content. */
  contentHash: string | null;
  /** The string on chain. */
  commitment: string;
  block: number;
  hotkey: string;
  /** Null: it is on no Hub. */
  public: boolean | null;
  bytesUploaded: number;
  resumed: boolean;
  /** Null: a plain commitment. */
  seal: PublishedSeal | null;
}

/** What became of a seal. */
export interface PublishedSeal {
  /** Of the beacon; null: it was opened before this publish looked. */
  round: number | null;
  /** ISO time; null: it has been opened. */
  revealsAt: string | null;
  state: 'sealed' | 'revealed';
  /** Whether the chain knew its round before it took the seal, so that nothing was hidden; null: not known. */
  late: boolean | null;
}

/** One step of `pt upload --dry-run`. `done`: the journal, the Hub or the chain shows that it needs doing no more. */
export interface PlannedStep {
  step:
    | 'check'
    | 'private'
    | 'upload'
    | 'confirm'
    | 'commit'
    | 'read-back'
    | 'public'
    | 'confirm-public'
    | 'reveal';
  detail: string;
  bytes: number;
  done: boolean;
}

/** What a publish would do now. */
export interface UploadPlan {
  dryRun: true;
  repo: string;
  /** Null: pt has not seen the content. */
  contentHash: string | null;
  /** The string that would be on chain; `<commit>` stands for a revision that does not exist yet. */
  commitment: string;
  hotkey: string;
  files: { path: string; size: number; sha256: string }[];
  /** Files of the repository that the same commit would delete. */
  deletes: string[];
  steps: PlannedStep[];
}
