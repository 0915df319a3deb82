import { join } from 'node:path';
import type { PythonEnv } from './bridge/index.ts';
import type { Chain, Hotkey, PasswordSource } from './chain/types.ts';
import { profileNamed } from './constants.ts';
import { UserError } from './errors.ts';
import { useProxy } from './host/proxy.ts';
import type { Hub } from './hub/types.ts';
import { isLoopback } from './loopback.ts';
import type { Network } from './protocol.ts';
import { mechanicsOf, scheduleNamed } from './rules/schedule.ts';
import type { AskedProfile, Profile, ProfileName, Schedule, TokenizerFacts } from './rules/types.ts';
import { chainOptions, hubOptions } from './settings/endpoints.ts';
import type { Settings } from './settings/types.ts';

/**
 * Where a command acts: the rules in force there, and chain, Hub, hotkey and Python, each opened at its first use and once. Services take it,
 * or the part of it that they need; whoever made it closes it.
 */
export interface Place {
  /** PT_HOME. */
  readonly home: string;
  /** The network's name, or its `ws://` address; and every network that is known. */
  readonly network: string;
  readonly networks: Record<string, Network>;
  readonly netuid: number;
  /** As it was asked for, which is its name unless `history` was. */
  readonly asked: AskedProfile;
  readonly profileName: ProfileName;
  readonly profile: Profile;
  readonly schedule: Schedule;
  readonly tokenizers: Record<string, TokenizerFacts>;
  /** Competition by id or name; null: none was named. What is meant then, rules/competition.ts says. */
  readonly competition: string | null;
  /** Folder of downloaded models when none was named. */
  readonly modelsDir: string;
  readonly device: string;
  readonly hubEndpoint: string | null;
  readonly offline: boolean;
  /** Whether the chain may be asked at all: `--offline` reaches only one on this machine. */
  readonly reachable: boolean;
  /** Throws `offline.refused`, `sandbox.not_running` or `OutsideError` (5); a failure is not kept: the next call tries again. */
  chain(): Promise<Chain>;
  /** `token`: it is needed, and without one `token.missing` (4) is thrown. */
  hub(need?: { token: boolean }): Promise<Hub>;
  /** Throws `UserError` (4). Its password is asked for once. */
  hotkey(): Promise<Hotkey>;
  /** Throws `python.not_set_up` (7). */
  python(): Promise<PythonEnv>;
  /** SS58 address of the wallet's hotkey, from the public part of its file. Throws `wallet.missing` (4). */
  ownHotkey(): Promise<string>;
  /** SS58 addresses of the hotkeys on this machine; a wallet folder that cannot be read only means that none is known. */
  ownHotkeys(): Promise<ReadonlySet<string>>;
  /** Secrets for the environment of Python children; null: none at all, because it is offline. */
  readonly childEnv: Record<string, string> | null;
  /** Environment that the Python of seals is looked for in. */
  readonly sealerEnv: NodeJS.ProcessEnv;
  /** Ends what holds a connection; what is used afterwards is opened anew. */
  close(): Promise<void>;
}

/** What a place takes from outside: the environment that Python is looked for in, and who is asked for the hotkey's password. */
export interface PlaceOptions {
  env: NodeJS.ProcessEnv;
  password?: PasswordSource;
  /** For what only looks: the block that it looks back to; null: now. Left out: profile `history` is refused by name. */
  lookBack?: number | null;
}

/** The place that these settings mean, reached by the proxy of `env` if there is one. Opens nothing; the rooms that open are loaded at first use. */
export function openPlace(settings: Settings, { env, password, lookBack }: PlaceOptions): Place {
  const { constants, network, wallet } = settings;
  const addresses = [...network.endpoints, settings.hub.endpoint ?? ''].filter((address) => address !== '');
  useProxy(env, settings.offline || addresses.every((address) => isLoopback(address)) ? [] : addresses);
  const token = settings.hub.token?.reveal();
  const chain = once(async () => {
    const where = chainOptions(settings);
    return (await import('./chain/index.ts')).connect(where);
  });
  const hub = once(async () => (await import('./hub/index.ts')).createHub(hubOptions(settings)));
  const hotkey = once(async () =>
    (await import('./chain/index.ts')).openHotkey(
      wallet,
      async () => settings.walletPassword ?? (await password?.()) ?? null,
    ),
  );
  const python = once(async () =>
    (await import('./bridge/index.ts')).findPython({ ...env, PT_PYTHON: settings.python ?? undefined }),
  );
  const ownHotkeys = once(async () => {
    const { findHotkeys } = await import('./chain/index.ts');
    const files = await findHotkeys(wallet.path).catch(() => []);
    return new Set(files.map(({ ss58 }) => ss58).filter((address) => address !== null));
  });
  return {
    home: settings.home,
    network: network.name,
    networks: constants.networks,
    netuid: settings.netuid,
    ...rulesOf(settings, lookBack),
    competition: settings.competition,
    modelsDir: settings.modelDir ?? join(settings.home, 'models'),
    device: settings.device ?? 'auto',
    hubEndpoint: settings.hub.endpoint,
    offline: settings.offline,
    reachable: !settings.offline || network.endpoints.some((endpoint) => isLoopback(endpoint)),
    chain: chain.get,
    hub: async (need) => {
      hubOptions(settings, { needToken: need?.token ?? false });
      return hub.get();
    },
    hotkey: hotkey.get,
    python: python.get,
    ownHotkey: async () => (await import('./chain/index.ts')).addressOf(wallet),
    ownHotkeys: ownHotkeys.get,
    sealerEnv: { ...env, PT_PYTHON: settings.python ?? undefined },
    childEnv: settings.offline ? null : token === undefined ? {} : { HF_TOKEN: token },
    close: () => chain.end((opened) => opened.close()),
  };
}

function rulesOf({ constants, network, profile: asked }: Settings, lookBack: number | null | undefined) {
  if (asked === 'history' && lookBack === undefined)
    throw new UserError(
      'profile.history',
      '--profile history is for looking back (`pt check`, `pt competitions`): no validator applies all releases.',
      {
        nextSteps: [
          '--profile 6.0   # or 3.2: the rules of one release',
          'pt competitions --profile history',
        ],
      },
    );
  const profileName = mechanicsOf(constants, asked, lookBack ?? null);
  return {
    asked,
    profileName,
    profile: profileNamed(constants, profileName),
    schedule: scheduleNamed(constants, network.schedule),
    tokenizers: constants.tokenizers,
  };
}

/** Opens at the first `get`, for everybody who asks; a failure is forgotten, and so is what was ended. */
function once<Thing>(open: () => Promise<Thing>) {
  let opening: Promise<Thing> | null = null;
  return {
    get(): Promise<Thing> {
      opening ??= open();
      const current = opening;
      current.catch(() => {
        if (opening === current) opening = null;
      });
      return current;
    },
    async end(close: (thing: Thing) => Promise<void>): Promise<void> {
      const current = opening;
      opening = null;
      const thing = await current?.catch(() => null);
      if (thing) await close(thing);
    },
  };
}
