import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Constants, loadConstants, profileNamed } from '../constants.ts';
import { EXIT, UserError } from '../errors.ts';
import { parseUrl } from '../loopback.ts';
import type { Network } from '../protocol.ts';
import { scheduleNameOf } from '../rules/schedule.ts';
import type { AskedProfile } from '../rules/types.ts';
import { readSandboxState, type SandboxState, sandboxDir } from '../sandbox/state.ts';
import { knowAddress, maskAll, Secret } from '../secret.ts';
import { didYouMean } from '../text/suggest.ts';
import { DEFINITIONS, hint, resolvePath, type SettingName } from './definitions.ts';
import {
  type Given,
  type Layer,
  readConfigFile,
  readDotenv,
  readEnvironment,
  readFlags,
  readHubTokenFile,
} from './sources.ts';
import type { SettingRow, Settings } from './types.ts';

export interface SettingsInput {
  /** Parsed flags by their long name; undefined where not given. */
  flags?: Record<string, unknown>;
  env: NodeJS.ProcessEnv;
  cwd: string;
  /** The user's home folder; where `~/.pt`, `~/.bittensor` and the hf CLI's token file are. */
  home?: string;
}

const NAMES = Object.keys(DEFINITIONS) as SettingName[];
const KINDS = ['finney', 'test', 'local', 'sandbox'] as const;

/** PT_HOME, by default `~/.pt`. */
export function ptHome(env: NodeJS.ProcessEnv, cwd: string, home = homedir()): string {
  return env.PT_HOME?.trim() ? resolvePath(env.PT_HOME.trim(), cwd) : join(home, '.pt');
}

/**
 * All settings from flags > environment > `.env` > config file > constants, each with its origin.
 * A sandbox asked for by name stands right under the flags, so that nothing else needs to be set (and no real token reaches it);
 * one recognised by its address stands right above the constants.
 * Throws `UserError` (`settings.*`, exit 2) that names the flag, variable, or file and line.
 */
export function resolveSettings({
  flags = {},
  env,
  cwd,
  home: userHome = homedir(),
}: SettingsInput): Settings {
  const home = ptHome(env, cwd, userHome);
  const user: Layer[] = [readFlags(flags), readEnvironment(env), readDotenv(cwd, env), readConfigFile(home)];
  const named = read('network', user, cwd, home);
  const wanted = named?.value ?? 'finney';
  const running = readSandboxState(sandboxDir(home));
  const isAddress = /^wss?:/.test(wanted);
  const sandboxByName = wanted === 'sandbox';
  const sandboxByAddress = isAddress && running !== null && sameAddress(wanted, running.chain);
  const sandbox = sandboxByName || sandboxByAddress ? running : null;
  const name = sandboxByName || sandboxByAddress ? 'sandbox' : wanted;
  // By name it was asked for somewhere, which is what can be changed again.
  const fromSandbox = sandbox ? sandboxLayer(sandbox, sandboxByName ? named!.origin : 'sandbox') : {};
  const withSandbox = sandboxByName ? [user[0]!, fromSandbox, ...user.slice(1)] : [...user, fromSandbox];
  const ownProfiles = read('profiles', user, cwd, home)?.value;
  const constants = loadConstants(
    read('constants', user, cwd, home)?.value,
    [...new Set([ownProfiles, sandbox?.plays?.profiles])].filter((dir) => dir !== undefined),
  );
  const network = isAddress && !sandboxByAddress ? null : networkNamed(name, constants.networks);

  const askedFor = read('profile', withSandbox, cwd, home);
  const asked = askedFor?.value ?? '3.2';
  if (asked !== 'history' && !Object.hasOwn(constants.profiles, asked))
    throw new UserError(
      'settings.bad_value',
      `${askedFor?.origin ?? 'default'}: profile must be one of those that \`pt profiles\` lists, or history, not "${asked}"${hint(asked, Object.keys(constants.profiles))}`,
      { nextSteps: ['pt profiles   # without --profile', ...(askedFor ? [cureOf(askedFor.origin)] : [])] },
    );

  const fromConstants: Layer = {
    network: { text: 'finney', origin: 'default' },
    netuid: { text: String(netuidOf(constants, asked, network)), origin: 'constants' },
    profile: { text: '3.2', origin: 'default' },
    walletName: { text: 'default', origin: 'default' },
    walletHotkey: { text: 'default', origin: 'default' },
    walletPath: { text: join(userHome, '.bittensor', 'wallets'), origin: 'default' },
  };
  // Without a running sandbox its Hub has no address; the real Hub must not be taken instead.
  const hub = network ? network.hub : 'https://huggingface.co';
  if (hub !== null) fromConstants.hubEndpoint = { text: hub, origin: 'constants' };
  const tokenFile = sandbox ? null : readHubTokenFile(env, userHome);
  if (tokenFile) fromConstants.hubToken = tokenFile;

  const layers = [...withSandbox, fromConstants];
  const found = Object.fromEntries(NAMES.map((key) => [key, read(key, layers, cwd, home)])) as {
    [K in SettingName]: { value: ReturnType<(typeof DEFINITIONS)[K]['parse']>; origin: string } | null;
  };
  const secret = (key: 'hubToken' | 'wandbKey' | 'walletPassword' | 'notify') =>
    found[key] ? new Secret(found[key].value) : null;
  const isPlainSandbox = sandboxByName && sandbox === null;
  const netuid = found.netuid!.value;

  const settings: Settings = {
    home,
    constants,
    network: {
      name,
      kind: network === null ? 'address' : (KINDS.find((kind) => kind === name) ?? 'other'),
      endpoints: sandbox ? [sandbox.chain] : (network?.endpoints ?? [wanted]),
      schedule: scheduleNameOf(
        constants,
        (sandbox?.fork ? constants.networks[sandbox.fork] : network) ?? null,
        found.profile!.value,
      ),
    },
    netuid,
    profile: found.profile!.value,
    competition: found.competition?.value ?? null,
    wallet: {
      path: found.walletPath!.value,
      name: found.walletName!.value,
      hotkey: found.walletHotkey!.value,
    },
    hub: {
      endpoint: isPlainSandbox ? null : (found.hubEndpoint?.value ?? null),
      token: isPlainSandbox ? null : secret('hubToken'),
    },
    hfRepoId: found.hfRepoId?.value ?? null,
    avgLossUploadThreshold: found.avgLossUploadThreshold?.value ?? null,
    modelDir: found.modelDir?.value ?? null,
    recipe: found.recipe?.value ?? null,
    device: found.device?.value ?? null,
    wandb: {
      entity: found.wandbEntity?.value ?? null,
      project: found.wandbProject?.value ?? null,
      key: secret('wandbKey'),
    },
    walletPassword: secret('walletPassword'),
    notify: secret('notify'),
    python: found.python?.value ?? null,
    offline: found.offline?.value ?? false,
    sandbox,
    rows: [],
  };
  const homeRow: SettingRow = {
    key: 'home',
    value: home,
    origin: env.PT_HOME?.trim() ? 'environment PT_HOME' : 'default',
    env: ['PT_HOME'],
    summary: 'Runs, sandbox, caches',
  };
  // Keys stand in addresses too, and errors quote parts of them.
  for (const address of [...settings.network.endpoints, settings.hub.endpoint ?? '']) knowAddress(address);
  settings.rows = [homeRow, ...NAMES.map((key) => row(key, found[key]))];
  return settings;
}

/** The subnet that is meant when none is named: the network's own for the pretraining mechanism, else the profile's. */
function netuidOf(constants: Constants, profile: AskedProfile, network: Network | null): number {
  const known = profile === 'history' ? null : profileNamed(constants, profile);
  return known === null || known.pretraining !== null
    ? (network?.netuid ?? known?.netuid ?? 9)
    : known.netuid;
}

/** The first layer that has the setting, parsed; a bad value names where it stands. */
function read<K extends SettingName>(
  key: K,
  layers: Layer[],
  cwd: string,
  home: string,
): { value: ReturnType<(typeof DEFINITIONS)[K]['parse']>; origin: string } | null {
  const given = layers
    .map((layer) => layer[key])
    .find((candidate): candidate is Given => candidate !== undefined);
  if (!given) return null;
  const definition = DEFINITIONS[key];
  try {
    const value = definition.parse(given.text, { cwd, home });
    return { value: value as ReturnType<(typeof DEFINITIONS)[K]['parse']>, origin: given.origin };
  } catch (error) {
    throw new UserError(
      'settings.bad_value',
      `${given.origin}: ${definition.key} ${(error as Error).message}`,
      { nextSteps: [cureOf(given.origin), `pt config show --help   # every setting, and where it can be`] },
    );
  }
}

/** How a bad value is mended, by where it stands: a command that reads settings would say the same again. */
function cureOf(origin: string): string {
  const [, kind, name = ''] = /^(flag|environment) (.+)$/.exec(origin) ?? [];
  if (kind === 'flag') return `Correct ${name}, or leave it out.`;
  if (kind === 'environment') return `unset ${name}   # or give it another value`;
  return `Correct ${origin}.`;
}

function row(key: SettingName, found: { value: unknown; origin: string } | null): SettingRow {
  const definition = DEFINITIONS[key] as (typeof DEFINITIONS)[SettingName] & { secret?: boolean };
  const value =
    found === null ? null : definition.secret ? '***' : maskAll(found.value as SettingRow['value']);
  return {
    key: definition.key,
    value,
    origin: found?.origin ?? 'not set',
    env: [...definition.env],
    summary: definition.summary,
  };
}

function networkNamed(name: string, networks: Record<string, Network>): Network {
  const network = Object.hasOwn(networks, name) ? networks[name] : undefined;
  if (network) return network;
  const names = Object.keys(networks);
  throw new UserError(
    'settings.network',
    `--network ${name}: no network of that name; known are ${names.join(', ')}, and any ws:// or wss:// address.${didYouMean(name, names)}`,
    { nextSteps: ['pt sandbox start --detach', 'Use --network sandbox to rehearse on this machine.'] },
  );
}

function sandboxLayer(state: SandboxState, namedBy: string): Layer {
  const origin = 'sandbox';
  return {
    network: { text: 'sandbox', origin: namedBy },
    netuid: { text: String(state.netuid), origin },
    ...(state.plays ? { profile: { text: state.plays.profile, origin } } : {}),
    walletName: { text: state.wallet.name, origin },
    walletHotkey: { text: state.wallet.hotkey, origin },
    walletPath: { text: state.wallet.path, origin },
    hubEndpoint: { text: state.hub, origin },
    hubToken: { text: state.token, origin },
  };
}

function sameAddress(a: string, b: string): boolean {
  const [left, right] = [parseUrl(a), parseUrl(b)];
  const host = (url: URL) => (url.hostname === 'localhost' ? '127.0.0.1' : url.hostname);
  return left !== null && right !== null && host(left) === host(right) && left.port === right.port;
}

/** Where runs are kept and looked for. */
export const runsFolder = ({ modelDir, home }: Pick<Settings, 'home' | 'modelDir'>): string =>
  modelDir ?? join(home, 'runs');

/** The error for anything that needs the sandbox while none runs. */
export function sandboxNotRunning(): UserError {
  return new UserError('sandbox.not_running', 'The sandbox is not running (--network sandbox).', {
    nextSteps: ['pt sandbox start --detach'],
    exitCode: EXIT.network,
  });
}
