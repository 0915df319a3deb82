import type { WalletLocation } from '../chain/types.ts';
import type { Constants } from '../constants.ts';
import type { AskedProfile } from '../rules/types.ts';
import type { SandboxState } from '../sandbox/state.ts';
import type { Secret } from '../secret.ts';

export interface Settings {
  /** PT_HOME: runs, sandbox, caches, journals. */
  home: string;
  network: {
    /** A name of constants/networks.json, or the `ws://` address itself. */
    name: string;
    /** `address`: any `ws://` chain that is not this machine's running sandbox. */
    kind: 'finney' | 'test' | 'local' | 'sandbox' | 'address' | 'other';
    /** Chain addresses, tried in order; empty when the sandbox is meant and does not run. */
    endpoints: string[];
    /** Which schedule holds: a file of constants (`schedule.sandbox`), or a release (`3.2.0`). */
    schedule: string;
  };
  /** The rules in force: the shipped ones, or those of the folder in PT_CONSTANTS. */
  constants: Constants;
  netuid: number;
  profile: AskedProfile;
  competition: string | null;
  wallet: WalletLocation;
  hub: { endpoint: string | null; token: Secret | null };
  hfRepoId: string | null;
  avgLossUploadThreshold: number | null;
  modelDir: string | null;
  recipe: string | null;
  device: string | null;
  wandb: { entity: string | null; project: string | null; key: Secret | null };
  walletPassword: Secret | null;
  /** Webhook, with its form. */
  notify: Secret | null;
  python: string | null;
  offline: boolean;
  /** The running sandbox when `network` means it. */
  sandbox: SandboxState | null;
  /** Every setting for people and for the run folder; secrets masked. */
  rows: SettingRow[];
}

export interface SettingRow {
  key: string;
  /** Null: not set. Secrets read `***`. */
  value: string | number | boolean | null;
  /** `flag --x`, `environment X`, `/path/.env:3`, `/path/config.yaml:2`, `sandbox`, `constants`, `default`. */
  origin: string;
  env: string[];
  summary: string;
}
