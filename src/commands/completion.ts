import { Args, PtCommand } from '../cli/base.ts';
import { completionScript, SHELLS, type Shell } from '../completion/scripts.ts';
import type { Printed } from '../output/index.ts';

export default class Completion extends PtCommand {
  static override summary = 'Print a completion script for bash, zsh or fish';
  static override description =
    'Completes commands, flags and their values: networks, recipes, wallets, hotkeys, runs, competitions.';
  static override examples = [
    'eval "$(<%= config.bin %> completion bash)"   # in ~/.bashrc',
    'eval "$(<%= config.bin %> completion zsh)"    # in ~/.zshrc, after compinit',
    '<%= config.bin %> completion fish | source   # in ~/.config/fish/config.fish',
  ];
  static override args = {
    shell: Args.string({ description: 'bash, zsh or fish', options: SHELLS, required: true }),
  };

  async run(): Promise<Printed<'completion'>> {
    const { args } = await this.parse(Completion);
    const shell = args.shell as Shell;
    const script = completionScript(shell);
    this.print(script.trimEnd());
    return { shell, script };
  }
}
