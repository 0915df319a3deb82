import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseUrl } from '../loopback.ts';
import { hubAddressProblem } from '../text/address.ts';
import { nearest } from '../text/suggest.ts';

/** One setting: its names in every place it can be set, and how its text is read. */
export interface Definition<T> {
  /** The flag without dashes; the key in the config file is the same. */
  key: string;
  /** Environment variables (also in `.env`), the first wins. */
  env: string[];
  summary: string;
  /** Throws an Error whose message completes "NAME: …". */
  parse: (text: string, context: { cwd: string; home: string }) => T;
  secret?: boolean;
  /** Spaces at its ends belong to it. */
  verbatim?: boolean;
}

const fail = (message: string): never => {
  throw new Error(message);
};

const text = (value: string) => value;

function integer(min: number, max: number) {
  return (value: string) =>
    /^\d{1,9}$/.test(value) && Number(value) >= min && Number(value) <= max
      ? Number(value)
      : fail(`must be a whole number from ${min} to ${max}, not "${value}"`);
}

function boolean(value: string): boolean {
  if (/^(1|true|yes|on)$/i.test(value)) return true;
  return /^(0|false|no|off)$/i.test(value) ? false : fail(`must be true or false, not "${value}"`);
}

function number(value: string): number {
  const parsed = value.trim() === '' ? Number.NaN : Number(value);
  return Number.isFinite(parsed) ? parsed : fail(`must be a number, not "${value}"`);
}

/** `; did you mean x?`, for messages that go on. */
export const hint = (word: string, candidates: Iterable<string>): string => {
  const near = nearest(word, candidates);
  return near.length === 0 ? '' : `; did you mean ${near.join(' or ')}?`;
};

const withoutSlash = (address: string) => address.replace(/\/+$/, '');

/** Nodes take their keys anywhere in it; it is shown without them. */
function chainAddress(value: string): string {
  return parseUrl(value)?.hostname
    ? withoutSlash(value)
    : fail(`must be an address (ws://… or wss://…), not "${value}"`);
}

function hubAddress(value: string): string {
  const problem = hubAddressProblem(value);
  return problem === null ? withoutSlash(value) : fail(problem);
}

/** A folder or file; `~` is the home folder, relative paths start at the working folder. */
export function resolvePath(value: string, cwd: string): string {
  if (value === '~' || value.startsWith('~/')) return join(homedir(), value.slice(1));
  return resolve(cwd, value);
}

/** Names inside the wallet folder: no separators, so that nothing outside it is ever opened. */
const walletPart = (value: string): string =>
  /^[^/\\\0]+$/.test(value) && value !== '.' && value !== '..'
    ? value
    : fail(`must be a plain name, not "${value}"`);

const define = <T>(definition: Definition<T>): Definition<T> => definition;
const path = (value: string, { cwd }: { cwd: string }) => resolvePath(value, cwd);

export const DEFINITIONS = {
  network: define({
    key: 'network',
    env: ['PT_NETWORK'],
    summary: 'finney, test, local, sandbox, or ws://…',
    parse: (value) => (/^wss?:\/\//.test(value) ? chainAddress(value) : value),
  }),
  netuid: define({ key: 'netuid', env: ['PT_NETUID'], summary: 'Subnet', parse: integer(0, 65_535) }),
  profile: define({
    key: 'profile',
    env: ['PT_PROFILE'],
    summary: 'Protocol profile',
    parse: text,
  }),
  profiles: define({
    key: 'profiles',
    env: ['PT_PROFILES'],
    summary: 'Folder with more protocol profiles',
    parse: path,
  }),
  competition: define({ key: 'competition', env: ['PT_COMPETITION'], summary: 'Competition', parse: text }),
  walletName: define({
    key: 'wallet-name',
    env: ['PT_WALLET_NAME'],
    summary: 'Wallet folder',
    parse: walletPart,
  }),
  walletHotkey: define({
    key: 'wallet-hotkey',
    env: ['PT_WALLET_HOTKEY'],
    summary: 'Hotkey in the wallet',
    parse: walletPart,
  }),
  walletPath: define({
    key: 'wallet-path',
    env: ['PT_WALLET_PATH'],
    summary: 'Folder of all wallets',
    parse: path,
  }),
  hubEndpoint: define({
    key: 'hub-endpoint',
    env: ['HF_ENDPOINT', 'PT_HUB_ENDPOINT'],
    summary: 'Address of the Hub',
    parse: hubAddress,
  }),
  hfRepoId: define({
    key: 'hf-repo-id',
    env: ['PT_HF_REPO_ID'],
    summary: 'Repository to publish to',
    parse: text,
  }),
  avgLossUploadThreshold: define({
    key: 'avg-loss-upload-threshold',
    env: ['PT_AVG_LOSS_UPLOAD_THRESHOLD'],
    summary: 'Publish when the held-out loss is below this',
    parse: number,
  }),
  modelDir: define({
    key: 'model-dir',
    env: ['PT_MODEL_DIR'],
    summary: 'Where downloaded models go',
    parse: path,
  }),
  recipe: define({ key: 'recipe', env: ['PT_RECIPE'], summary: 'Training recipe', parse: text }),
  device: define({ key: 'device', env: ['PT_DEVICE'], summary: 'auto, cpu, cuda, cuda:N, mps', parse: text }),
  wandbEntity: define({
    key: 'wandb-entity',
    env: ['PT_WANDB_ENTITY', 'WANDB_ENTITY'],
    summary: 'W&B account or team',
    parse: text,
  }),
  wandbProject: define({
    key: 'wandb-project',
    env: ['PT_WANDB_PROJECT', 'WANDB_PROJECT'],
    summary: 'W&B project',
    parse: text,
  }),
  offline: define({
    key: 'offline',
    env: ['PT_OFFLINE'],
    summary: 'No connection off this machine',
    parse: boolean,
  }),
  constants: define({
    key: 'constants',
    env: ['PT_CONSTANTS'],
    summary: 'Folder with the rules of another subnet',
    parse: path,
  }),
  python: define({
    key: 'python',
    env: ['PT_PYTHON'],
    summary: 'Python interpreter instead of the managed one',
    // A bare name is looked up on the PATH by whoever starts it.
    parse: (value, { cwd }) => (/[/\\]/.test(value) ? resolvePath(value, cwd) : value),
  }),
  notify: define({
    key: 'notify',
    env: ['PT_NOTIFY'],
    summary: 'Webhook that is told: https://…, slack:…, discord:… or TEMPLATE.json:…',
    parse: text,
    // Its address is all that it takes to write there.
    secret: true,
  }),
  hubToken: define({
    key: 'hub-token',
    env: ['HF_ACCESS_TOKEN', 'HF_TOKEN'],
    summary: 'Hub token',
    parse: (value) => (/^[\x21-\x7e]+$/.test(value) ? value : fail('holds characters that no token has')),
    secret: true,
  }),
  wandbKey: define({
    key: 'wandb-key',
    env: ['WANDB_API_KEY'],
    summary: 'W&B API key',
    parse: text,
    secret: true,
  }),
  walletPassword: define({
    key: 'wallet-password',
    env: ['BT_WALLET_PASSWORD'],
    summary: 'Password of an encrypted hotkey',
    parse: text,
    secret: true,
    verbatim: true,
  }),
} as const;

export type SettingName = keyof typeof DEFINITIONS;

/** `PT_` variables that are not settings: read before settings are, or by the tests. */
const OTHER_VARIABLES = [
  'PT_HOME',
  'PT_DEBUG',
  'PT_VECTORS',
  'PT_SLOW',
  'PT_COMPAT',
  'PT_LIFELINE',
  'PT_LIFELINE_BY',
  'PT_NODE',
];

/** `PT_` variables of other programs (torch_xla, Gaudi), of the benchmarks and the tests. */
const FOREIGN = /^PT_(XLA|HPU|BENCH|TEST)_/;

/** Variables of the Hub's and W&B's own tools, so that a near miss of ours is not blamed on them. */
const RELATED = ['HF_HOME', 'HF_TOKEN_PATH', 'HF_DATASETS_CACHE', 'WANDB_MODE', 'WANDB_DIR', 'WANDB_NAME'];

export const KNOWN_VARIABLES: string[] = [
  ...OTHER_VARIABLES,
  ...Object.values(DEFINITIONS).flatMap(({ env }) => env),
];

/** Says what is wrong with a variable's name: null, or the message. `strict` (a `.env` file) also catches near misses of HF_… and WANDB_…. */
export function unknownVariable(name: string, strict: boolean): string | null {
  if (KNOWN_VARIABLES.includes(name) || FOREIGN.test(name) || RELATED.includes(name)) return null;
  if (name.startsWith('PT_')) return `${name} is not a setting${hint(name, KNOWN_VARIABLES)}`;
  if (!strict || name.startsWith('HF_HUB_')) return null;
  const family = KNOWN_VARIABLES.filter((known) => !known.startsWith('PT_'));
  const prefix = name.slice(0, 3);
  const near = nearest(name, family).filter((known) => known.startsWith(prefix));
  return near.length > 0 ? `${name} is not a setting; did you mean ${near.join(' or ')}?` : null;
}
