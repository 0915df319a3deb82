import { Flags, PtCommand } from '../../cli/base.ts';
import type { Printed } from '../../output/index.ts';
import { readSandboxState, sandboxDir } from '../../sandbox/index.ts';
import { sandboxNotRunning } from '../../settings/index.ts';
import { shellWord } from '../../text/shell-word.ts';

/** Where a value waits that the shell had before. */
const saved = (name: string) => `SANDBOX_SAVED_${name}`;

/** Says that what the shell had was looked at. */
const MARK = 'SANDBOX_SAVED';

const NAMES = [
  'HF_ENDPOINT',
  'HF_ACCESS_TOKEN',
  'HF_TOKEN',
  'HF_HUB_DISABLE_XET',
  'PT_NETWORK',
  'PT_NETUID',
  'PT_WALLET_NAME',
  'PT_WALLET_HOTKEY',
  'PT_WALLET_PATH',
  'PT_PROFILE',
  'PT_PROFILES',
] as const;

export default class SandboxEnv extends PtCommand {
  static override summary = 'Print `export` lines that point other programs at the sandbox';
  static override description =
    'What the shell had of these variables before is kept beside them, and --unset brings it back.';
  static override examples = [
    'eval "$(<%= config.bin %> sandbox env)"',
    'eval "$(<%= config.bin %> sandbox env --unset)"',
  ];
  static override flags = {
    unset: Flags.boolean({ summary: 'Print lines that take it all back' }),
  };

  // The token is the sandbox's own: it opens nothing but the Hub on this machine.
  protected override readonly revealsSecrets = true;

  async run(): Promise<Printed<'sandbox:env'>> {
    const { flags } = await this.parse(SandboxEnv);
    const { home } = await this.settings({});
    if (flags.unset) return this.#back();
    const state = readSandboxState(sandboxDir(home));
    if (!state) throw sandboxNotRunning();
    const env: Partial<Record<(typeof NAMES)[number], string>> = {
      HF_ENDPOINT: state.hub,
      HF_ACCESS_TOKEN: state.token,
      HF_TOKEN: state.token,
      HF_HUB_DISABLE_XET: '1',
      PT_NETWORK: state.chain,
      PT_NETUID: String(state.netuid),
      PT_WALLET_NAME: state.wallet.name,
      PT_WALLET_HOTKEY: state.wallet.hotkey,
      PT_WALLET_PATH: state.wallet.path,
      ...(state.plays ? { PT_PROFILE: state.plays.profile, PT_PROFILES: state.plays.profiles } : {}),
    };
    // A second time there is the sandbox's own to be seen, which nobody wants back. By name: a token of the user's is not printed.
    if (process.env[MARK] === undefined) {
      for (const name of NAMES)
        if (process.env[name] !== undefined) this.print(`export ${saved(name)}="$${name}"`);
      this.print(`export ${MARK}=yes`);
    }
    for (const [name, value] of Object.entries(env)) this.print(`export ${name}=${shellWord(value)}`);
    return { env };
  }

  #back(): Printed<'sandbox:env'> {
    const restored = NAMES.filter((name) => process.env[saved(name)] !== undefined);
    const unset = NAMES.filter((name) => process.env[saved(name)] === undefined);
    for (const name of restored) this.print(`export ${name}="$${saved(name)}"; unset ${saved(name)}`);
    this.print(`unset ${[...unset, MARK].join(' ')}`);
    return { unset, restored };
  }
}
