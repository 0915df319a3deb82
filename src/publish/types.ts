/** What `pt upload --json` prints. */
export interface UploadOutcome {
  repo: string;
  commit: string;
  contentHash: string;
  /** The string on chain. */
  commitment: string;
  block: number;
  hotkey: string;
  public: boolean;
  bytesUploaded: number;
  resumed: boolean;
}

/** What `pt load` and `pt load-best` print. */
export interface LoadOutcome {
  uid: number | null;
  repo: string;
  commit: string;
  dir: string;
  contentHash: string;
  verified: boolean;
}
