import { PtCommand } from '../../cli/base.ts';
import type { Printed } from '../../output/index.ts';
import { readSandboxState, sandboxDir } from '../../sandbox/index.ts';
import { sandboxNotRunning } from '../../settings/index.ts';
import { shellWord } from '../../text/shell-word.ts';

export default class SandboxEnv extends PtCommand {
  static override summary = 'Print `export` lines that point other programs at the sandbox';
  static override examples = ['eval "$(<%= config.bin %> sandbox env)"'];

  // The token is the sandbox's own: it opens nothing but the Hub on this machine.
  protected override readonly revealsSecrets = true;

  async run(): Promise<Printed<'sandbox:env'>> {
    await this.parse(SandboxEnv);
    const { home } = await this.settings({});
    const state = readSandboxState(sandboxDir(home));
    if (!state) throw sandboxNotRunning();
    const env: Record<string, string> = {
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
    for (const [name, value] of Object.entries(env)) this.print(`export ${name}=${shellWord(value)}`);
    return { env };
  }
}
